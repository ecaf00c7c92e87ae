"""The commands that attach to an LMS database, and detach from it."""

import sys
from typing import Annotated

import typer
from rich.table import Table

from listener.adapter import install as installing
from listener.adapter import matching
from listener.adapter.discovery import given
from listener.connection import Connection
from listener.flags import CONNECTION, console, literally, takes_settings, with_connection
from listener.settings import MAPPING, Settings


@takes_settings(*CONNECTION, *MAPPING)
def install(
    settings: Settings,
    *,
    print_: Annotated[bool, typer.Option("--print", help="Print the SQL for review instead of running it.")] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Disable triggers that enroll or count; uninstall enables them again.")
    ] = False,
    grant_to: Annotated[
        list[str] | None,
        typer.Option("--grant-to", help="A role that shall run the daemon, with rights on schema listener only."),
    ] = None,
) -> None:
    """Install schema `listener` beside the LMS's tables, or upgrade it."""

    async def work(connection: Connection) -> None:
        plan = await installing.plan(connection, given(settings), take_over=take_over, grant_to=tuple(grant_to or ()))
        if print_:
            sys.stdout.write(plan.text())
            return
        table = Table("what", "found", "score", "why", title="The LMS in this database")
        for line in plan.discovery.lines():
            table.add_row(*map(literally, line))
        for taken in plan.mapping.taken_over:
            table.add_row("disabled", f"{taken.trigger} on {taken.table.label}", "", "--take-over")
        console().print(table)
        changed = await installing.install(connection, plan)
        console().print("installed schema listener" if changed else "already installed: nothing to do")
        remark = await matching.remark(connection, plan.mapping)
        if remark is not None:
            console().print(literally(remark), soft_wrap=True)

    with_connection(settings, work)


@takes_settings(*CONNECTION)
def uninstall(settings: Settings) -> None:
    """Remove all that install added; the LMS's rows are never touched."""
    removed = with_connection(settings, installing.uninstall)
    console().print("removed schema listener" if removed else "nothing was installed")
