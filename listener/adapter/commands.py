"""The commands that attach to an LMS database, and detach from it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from listener.adapter import install as installing
from listener.adapter import matching, own_reactions, reaction_files
from listener.adapter import preview as previewing
from listener.adapter.discovery import given
from listener.adapter.mapping import Mapping
from listener.connection import Connection
from listener.errors import PlanOrPrint
from listener.flags import CONNECTION, takes_settings, with_connection
from listener.printing import show_rows, tell
from listener.settings import MAPPING, Settings


@takes_settings(*CONNECTION, *MAPPING)
def install(
    settings: Settings,
    *,
    print_: Annotated[bool, typer.Option("--print", help="Print the SQL for review instead of running it.")] = False,
    only_plan: Annotated[
        bool,
        typer.Option(
            "--plan",
            help="Only say who would join, leave and come back, by course, and what was found; change nothing.",
        ),
    ] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Disable triggers that enroll or count; uninstall enables them again.")
    ] = False,
    grant_to: Annotated[
        list[str] | None,
        typer.Option("--grant-to", help="A role that shall run the daemon, with rights on schema listener only."),
    ] = None,
    reactions: Annotated[
        Path | None,
        typer.Option(
            "--reactions",
            metavar="DIR",
            help="A folder of reactions of your own, NAME.sql: these are installed from now on, and no others.",
        ),
    ] = None,
) -> None:
    """Install schema `listener` beside the LMS's tables, or upgrade it."""
    if only_plan and print_:
        raise PlanOrPrint
    files = None if reactions is None else reaction_files.read(reactions)

    async def work(connection: Connection) -> None:
        plan = await installing.plan(connection, given(settings), take_over=take_over, grant_to=tuple(grant_to or ()))
        if files is not None:
            await own_reactions.check(connection, files, plan)
        if print_:
            sys.stdout.write(plan.text() + ("" if files is None else "\n" + own_reactions.script(files)))
            return
        rows = plan.discovery.lines()
        rows += [
            ("disabled", f"{each.trigger} on {each.table.label}", "", "--take-over") for each in plan.mapping.taken_over
        ]
        show_rows(rows, ("what", "found", "score", "why"), "The LMS in this database")
        tell("")
        if only_plan:
            seen = await previewing.preview(connection, settings.url(), plan.mapping, plan.installed)
            of_reactions = [] if files is None else (await own_reactions.compare(connection, files)).plan()
            for said in [*seen.lines(), *of_reactions, *_what_then(plan.mapping)]:
                tell(said)
            return
        changed = await installing.install(connection, plan)
        tell("installed schema listener" if changed else "already installed: nothing to do")
        if files is not None:
            for done in (await own_reactions.install(connection, files, plan.mapping)).lines():
                tell(done)
        remark = await matching.remark(connection, plan.mapping)
        if remark is not None:
            tell(remark)

    with_connection(settings, work)


def _what_then(mapping: Mapping) -> Iterator[str]:
    """When that which was foretold would happen."""
    if not mapping.enrolls or mapping.observes:
        yield f"nothing of it would be done: LISTENER_ACTIONS={mapping.actions} enrolls nobody"
    elif mapping.wanted_query is None:
        yield "changed nothing; once this is installed, `listener sync` does it"
    else:
        yield "changed nothing; once this is installed, the daemon does it"


@takes_settings(*CONNECTION)
def uninstall(settings: Settings) -> None:
    """Remove all that install added; the LMS's rows are never touched."""
    removed = with_connection(settings, installing.uninstall)
    tell("removed schema listener" if removed else "nothing was installed")
