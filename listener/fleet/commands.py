"""`listener fleet …`: a command for each school, or for those that are named."""

import inspect
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from listener.commands import schema
from listener.commands.flags import takes_settings
from listener.commands.printing import Row, show_rows, tell
from listener.errors import ListenerError, NobodyNamed, UnknownSchool, WrongSetting
from listener.fleet import files
from listener.fleet.folder import readable
from listener.numerals import counted
from listener.settings import Settings
from listener.texts import escaped

if TYPE_CHECKING:
    from listener.fleet.workers import Result

FLEET = ("fleet",)

Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Schools; all of them, unless named.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AtATime = Annotated[int, typer.Option("--parallel", metavar="N", help="So many schools at a time.", min=1, max=64)]
KeepGoing = Annotated[bool, typer.Option("--keep-going", help="Go on where a school has failed.")]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Commands for all schools of a fleet.")


OF_INSTALL = ("only_plan", "accept_guesses", "take_over", "grant_to", "yes", "owner", "reactions")
"""Flags of `listener install` that are handed on."""


@app.command(epilog="Example: listener fleet status --fleet /etc/listener/schools")
@takes_settings(*FLEET)
def status(
    settings: Settings,
    *,
    names: Names = None,
    as_json: AsJson = False,
    parallel: AtATime = 4,
    full: Annotated[bool, typer.Option("--full", help="Count students and check every course: reads it all.")] = False,
) -> None:
    """`listener status` of each school, the troubled first."""
    run = Run("status", settings, names, tells=False)
    run.do({"full": full}, parallel=parallel, stops=False)
    run.end(as_json=as_json, show=_of_status)


@app.command(epilog="Example: listener fleet diagnose north south --json")
@takes_settings(*FLEET)
def diagnose(settings: Settings, *, names: Names = None, as_json: AsJson = False, parallel: AtATime = 4) -> None:
    """`listener diagnose` of each school, the troubled first. Changes nothing."""
    run = Run("diagnose", settings, names, tells=False)
    run.do({"as_json": True}, parallel=parallel, stops=False)
    run.end(as_json=as_json, show=_of_diagnosis)


def install(
    settings: Settings,
    *,
    names: Names = None,
    as_json: AsJson = False,
    parallel: AtATime = 1,
    keep_going: KeepGoing = False,
    **flags: Any,
) -> None:
    """`listener install` for each school, or an upgrade. Stops where one fails: nothing is begun after that."""
    run = Run("install", settings, names, tells=not as_json)
    run.do(flags, parallel=parallel, stops=not keep_going)
    run.end(as_json=as_json)


def _with_flags_of_install(function: Callable[..., None]) -> Callable[..., None]:
    own = [each for each in inspect.signature(function).parameters.values() if each.kind is not each.VAR_KEYWORD]
    known = inspect.signature(inspect.unwrap(schema.install)).parameters
    function.__signature__ = inspect.Signature([*own, *(known[name] for name in OF_INSTALL)])  # type: ignore[attr-defined]
    return function


app.command(epilog="Example: listener fleet install --parallel 4")(
    takes_settings(*FLEET)(_with_flags_of_install(install))
)


@app.command(epilog="Example: listener fleet uninstall north")
@takes_settings(*FLEET)
def uninstall(
    settings: Settings,
    *,
    names: Names = None,
    everybody: Annotated[bool, typer.Option("--all", help="All schools.")] = False,
    as_json: AsJson = False,
    parallel: AtATime = 1,
    keep_going: KeepGoing = False,
) -> None:
    """`listener uninstall` for each school that is named. Stops where one fails."""
    if not names and not everybody:
        raise NobodyNamed
    run = Run("uninstall", settings, names, tells=not as_json)
    run.do({}, parallel=parallel, stops=not keep_going)
    run.end(as_json=as_json)


class Run:
    """A command for some schools."""

    def __init__(self, command: str, settings: Settings, names: Sequence[str] | None, *, tells: bool) -> None:
        """`tells` of each school as it is done. Raises WrongSetting, UnknownSchool."""
        self._command = command
        self._tells = tells
        self._schools = _schools(settings, names)
        self._results: list[Result] = []

    def do(self, flags: dict[str, Any], *, parallel: int, stops: bool) -> None:
        from listener.fleet import workers

        for result in workers.run(self._command, self._schools, flags, parallel=parallel, stops=stops):
            self._results.append(result)
            self._progress(result)
        if not self._tells and sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")

    def _progress(self, result: "Result") -> None:
        done = f"{len(self._results)} of {len(self._schools)}"
        if self._tells:
            tell(f"{result.school}: {result.problem or (result.lines or ['done'])[-1].strip()} ({done})")
        elif sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{done}: {escaped(result.school)}")
            sys.stderr.flush()

    def end(self, *, as_json: bool, show: "Callable[[Result], tuple[str, ...]] | None" = None) -> None:
        """Print what is to be printed in the end. Raises typer.Exit if a school failed."""
        failed = [each for each in self._results if each.exit_status]
        left = sorted(self._schools.keys() - {each.school for each in self._results})
        if as_json:
            schools = [_document(each) for each in sorted(self._results, key=lambda each: each.school)]
            sys.stdout.write(json.dumps({"schools": schools, "not_begun": left}) + "\n")
        elif show is not None:
            ordered = sorted(self._results, key=lambda each: (not each.exit_status, each.school))
            rows: list[Row] = [(each.school, *((each.problem,) if each.problem else show(each))) for each in ordered]
            show_rows(rows)
        if not as_json:
            self._sum_up(failed, left)
        if failed:
            raise typer.Exit(1)

    def _sum_up(self, failed: "list[Result]", left: list[str]) -> None:
        well = len(self._results) - len(failed)
        names = ", ".join(sorted(each.school for each in failed))
        tell(f"{counted(well, 'school')} well" + (f", {len(failed)} not: {names}" if failed else ""))
        if left:
            tell(f"{counted(len(left), 'school')} not begun, from {left[0]} on: mend that, and do the same again")


def _schools(settings: Settings, names: Sequence[str] | None) -> dict[str, Settings | ListenerError]:
    folder = readable(settings)
    known = folder.files()
    if not known:
        raise WrongSetting(name="LISTENER_FLEET", problem=f"{folder.path} holds no school: a file NAME.env for each")
    for name in names or ():
        if name not in known:
            raise UnknownSchool(name=name, folder=folder.path)
    return {name: _settings(settings, folder.file(name)) for name in sorted(set(names or known))}


def _settings(process: Settings, file: Path) -> Settings | ListenerError:
    try:
        return files.read(file, process)
    except ListenerError as error:
        return error


def _document(result: "Result") -> dict[str, Any]:
    told: dict[str, Any] = {"school": result.school, "exit_status": result.exit_status}
    if result.problem:
        told["problem"] = result.problem
    answer = result.answer
    return told | (answer or {"output": result.lines})


def _of_status(result: "Result") -> tuple[str, ...]:
    seen = result.answer
    if seen["healthy"]:
        return (f"healthy, backlog {seen['backlog']:,}",)
    return (str(seen["problem"]),)


def _of_diagnosis(result: "Result") -> tuple[str, ...]:
    found = result.answer["findings"]
    return (f"{counted(len(found), 'finding')}: {', '.join(each['code'] for each in found)}" if found else "in sync",)
