"""`listener forget`."""

import json
import sys
from typing import Annotated

import typer

from listener.catalogue import installation
from listener.commands.flags import CONNECTION, command
from listener.commands.printing import tell
from listener.database.connection import Connection
from listener.numerals import counted
from listener.repair import forgetting
from listener.repair.forgetting import Forgotten


@command(*CONNECTION)
async def forget(
    connection: Connection,
    *,
    profile: Annotated[str, typer.Argument(help="The profile's key.", metavar="PROFILE")],
    seconds: Annotated[
        float,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            help="Seconds to wait for notes about it that are still to be handled.",
            min=0,
        ),
    ] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Take a profile's key out of all that schema `listener` holds.

    That is notes, ledger, history, what waits, and quarantine.
    The LMS's own tables are left as they are: delete the profile there first. A note that is still to be handled stays,
    and is said."""
    installed = await installation.require(connection)
    found = await forgetting.forget(connection, installed.mapping, profile, seconds)
    if as_json:
        sys.stdout.write(json.dumps(found.to_dict()) + "\n")
    else:
        _show_forgotten(found)
    return 1 if found.unhandled else 0


def _show_forgotten(found: Forgotten) -> None:
    rows = [
        counted(found.made, "enrollment of the ledger", "enrollments of the ledger"),
        counted(found.waiting, "place in a line", "places in a line"),
        counted(found.pending, "student set aside", "students set aside"),
        counted(found.quarantined, "row in quarantine", "rows in quarantine"),
        counted(found.notes, "note"),
        counted(found.history, "line of the history", "lines of the history"),
        counted(found.mentioned, "text that named it", "texts that named it"),
    ]
    gone = [row for row in rows if not row.startswith("0 ")]
    nothing = f"schema listener holds nothing about this profile{' that can go now' if found.unhandled else ''}"
    tell(f"forgotten: {', '.join(gone)}" if gone else nothing)
    if found.unhandled:
        kept = counted(found.unhandled, "note about it is", "notes about it are")
        tell(f"{kept} still to be handled: do this again once `listener status` shows no backlog")
    if found.is_there:
        tell("the LMS still has this profile: what happens to it there is noted again")
