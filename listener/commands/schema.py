"""The commands that attach to an LMS database, and detach."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from listener.catalogue import keys, open_schemas, problems, subscriptions, takeover
from listener.commands.flags import CONNECTION, command
from listener.commands.printing import show_rows, tell
from listener.database.connection import Connection
from listener.database.session import may_write
from listener.discovery.discovery import given
from listener.discovery.questions import ACCEPTED, ALL
from listener.errors import NotReviewed, PlanMoved, PlanOrPrint, WrongSetting
from listener.inspection import matching, school, structure
from listener.inspection import review as reviewing
from listener.inspection.review import Review
from listener.mapping.mapping import Mapping
from listener.mapping.rule_text import rule_text
from listener.schema import install as installing
from listener.schema import own_reactions, reaction_files
from listener.schema import removal as removing
from listener.settings import MAPPING, Settings


def _check_flags(flags: dict[str, Any]) -> None:
    if flags["only_plan"] and flags["print_"]:
        raise PlanOrPrint
    if flags["reactions"] is not None:
        reaction_files.read(flags["reactions"])


@command(*CONNECTION, *MAPPING, only_looks=True, may_wait=True, check=_check_flags)
async def install(
    connection: Connection,
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
    accept_guesses: Annotated[
        bool,
        typer.Option(
            "--accept-guesses", help="Where something cannot be told, take what the question says would be guessed."
        ),
    ] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Disable triggers that enroll or count; uninstall enables them again.")
    ] = False,
    grant_to: Annotated[
        list[str] | None,
        typer.Option(
            "--grant-to", metavar="ROLE", help="A role that is to run the daemon, with rights on schema listener only."
        ),
    ] = None,
    grant_now: Annotated[
        list[str] | None,
        typer.Option(
            "--grant-now",
            metavar="ROLE",
            help="A role of your app's that may call listener.enroll_now and listener.settled, and nothing else.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Install a rule that moves many people, without a question.")
    ] = False,
    why: Annotated[bool, typer.Option("--why", help="Say of each part why it was taken for that.")] = False,
    reviewed: Annotated[
        str | None,
        typer.Option(
            "--reviewed",
            metavar="NUMBER",
            help="The number that --plan printed: install only if rule and numbers are still the same.",
        ),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(
            "--owner",
            metavar="ROLE",
            help="The role that is to own what is installed, where your tables belong to several.",
        ),
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
    files = None if reactions is None else reaction_files.read(reactions)
    plan = await installing.plan(
        connection,
        given(settings) | guesses(accept_guesses),
        take_over=take_over,
        grant_to=tuple(grant_to or ()),
        grant_now=tuple(grant_now or ()),
        owner=owner,
    )
    if files is not None:
        await own_reactions.check(connection, files, plan)
    if print_:
        sys.stdout.write(plan.text() + ("" if files is None else "\n" + own_reactions.script(files, plan.owner)))
        return
    await tell_of_lms(connection, plan, why=why)
    tell("")
    if only_plan:
        seen = await _review(connection, settings, plan)
        of_reactions = [] if files is None else (await own_reactions.compare(connection, files)).plan()
        tell(f"plan {seen.number}: with the same settings, `install --reviewed {seen.number}` installs just this")
        for said in [*seen.lines(), *seen.preview.lines(), *of_reactions, *_what_then(plan.mapping)]:
            tell(said)
        return
    if reviewed is not None or (plan.moves_many and not yes):
        await _be_reviewed(connection, settings, plan, reviewed)
    await may_write(connection)
    changed = await installing.install(connection, plan)
    tell(plan.outcome if changed else "already installed: nothing to do")
    for role in grant_to or ():
        tell(f"{role} may run the daemon: `listener run`, with that role's address")
    for role in grant_now or ():
        tell(f"{role} may call listener.enroll_now and listener.settled")
    if files is not None:
        for done in (await own_reactions.install(connection, files, plan)).lines():
            tell(done)
    if plan.owner.passed_over:
        schema = plan.mapping.enrollment_table.schema
        tell(f"no view and function for statistics in schema {schema}: {plan.owner.name} may not create there")
    for problem in (await problems.look(connection))[0]:
        tell(f"it cannot work yet: {problems.describe(problem)}")
    for each in await open_schemas.openings(connection, plan.mapping):
        tell(f"{each}: {each.mend}")
    for remark in (
        await subscriptions.remark(connection, plan.mapping),
        await matching.remark(connection, plan.mapping),
        await takeover.own_counting(connection, plan.mapping),
        structure.remark(await keys.look(connection, plan.mapping)) if plan.mapping.enrolls else None,
    ):
        if remark is not None:
            tell(remark)


async def tell_of_lms(connection: Connection, plan: installing.Plan, *, why: bool) -> None:
    """The findings, in some ten lines with numbers; the reasons with `why`."""
    tell(Text("The LMS in this database", style="bold"))
    tell("")
    figures = await school.look(connection, plan.mapping, same_counts=plan.counts_alike)
    for line in school.lines(plan.mapping, figures):
        tell(line)
    for line in plan.discovery.remarks():
        tell(line)
    for each in plan.mapping.taken_over:
        tell(f"disables: {each.trigger} on {each.table.label}")
    if not why:
        return
    tell("")
    rows = plan.discovery.lines()
    rows += [
        ("disabled", f"{each.trigger} on {each.table.label}", "", "--take-over") for each in plan.mapping.taken_over
    ]
    show_rows(rows, ("what", "found", "score", "why"), "Why")


def guesses(accepted: bool) -> dict[str, str]:
    return {ACCEPTED: ALL} if accepted else {}


async def _review(connection: Connection, settings: Settings, plan: installing.Plan) -> Review:
    url, same_counts = settings.url(), plan.counts_alike
    return await reviewing.review(connection, url, plan.mapping, plan.installed, plan.code, same_counts=same_counts)


async def _be_reviewed(connection: Connection, settings: Settings, plan: installing.Plan, reviewed: str | None) -> None:
    """Ask in a terminal, if the plan would move many. Raises NotReviewed, PlanMoved."""
    try:
        seen = await _review(connection, settings, plan)
    except WrongSetting as error:
        if reviewed is not None:
            raise
        tell(f"what this rule would do cannot be foretold, for it fails for somebody, who will wait: {error}")
        return
    if reviewed is not None:
        if reviewed != seen.number:
            raise PlanMoved(reviewed=reviewed, number=seen.number)
        return
    if seen.exceeded is None:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise NotReviewed(numbers=seen.preview.numbers(), allowed=seen.exceeded)
    for said in [*seen.lines(), *seen.preview.lines()]:
        tell(said)
    tell(f"the brake allows {seen.exceeded:,} within ten minutes")
    if not typer.confirm("Install it?"):
        raise typer.Abort


def _what_then(mapping: Mapping) -> Iterator[str]:
    """When the plan would happen."""
    if not mapping.enrolls or mapping.observes:
        yield f"nothing of it would be done: LISTENER_ACTIONS={mapping.actions} enrolls nobody"
    elif mapping.wanted_query is None:
        yield "changed nothing; once this is installed, `listener sync` does it"
    else:
        yield "changed nothing; once this is installed, the daemon does it"


@command(*CONNECTION, *MAPPING, only_looks=True)
async def rule(
    connection: Connection,
    settings: Settings,
    *,
    accept_guesses: Annotated[
        bool, typer.Option("--accept-guesses", help="Where something cannot be told, guess as `install` would.")
    ] = False,
) -> None:
    """Print the rule as one query, to be copied and changed.

    LISTENER_WANTED_QUERY takes it."""
    plan = await installing.plan(connection, given(settings) | guesses(accept_guesses), take_over=True)
    sys.stdout.write(rule_text(plan.mapping) + "\n")


@command(*CONNECTION)
async def uninstall(
    connection: Connection,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, also in a terminal.")] = False,
) -> None:
    """Remove all that install added; the LMS's rows are never touched."""
    removal = await removing.look(connection)
    for line in () if removal is None else removal.lines():
        tell(line)
    asks = removal is not None and not yes and sys.stdin.isatty() and sys.stdout.isatty()
    if asks and not typer.confirm("Uninstall?"):
        raise typer.Abort
    removed = await installing.uninstall(connection)
    tell("removed schema listener" if removed else "nothing was installed")
