"""`listener history`."""

import json
import sys
from textwrap import indent
from typing import Annotated

import typer

from listener.catalogue import installation
from listener.commands.flags import CONNECTION, command
from listener.commands.printing import INDENT, tell
from listener.database.connection import Connection
from listener.feed import replaying
from listener.inspection import history as reading
from listener.inspection.history import History

Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="How long ago ('1 hour'), or when ('2026-05-01 12:00').")
]


@command(*CONNECTION, only_looks=True)
async def history(
    connection: Connection,
    *,
    profile: Annotated[str | None, typer.Argument(help="Only this profile, by its key.", metavar="PROFILE")] = None,
    course: Annotated[
        str | None, typer.Option(metavar="KEY", help="Only what was done in the course with this key.")
    ] = None,
    since: Since = None,
    last: Annotated[
        int, typer.Option(metavar="ROWS", help="At most so many: the latest.", min=1, max=1_000_000)
    ] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What the listener did: to whom, in which course, when, by which rule, and why. Then the rules, and who installed
    them. It is kept where LISTENER_HISTORY_DAYS says so."""
    installed = await installation.require(connection)
    begin = None if since is None else await replaying.moment(connection, since)
    found = await reading.read(connection, installed.mapping, profile, course, begin, last)
    if as_json:
        sys.stdout.write(json.dumps(found.to_dict(), default=str) + "\n")
    else:
        _show(found)


def _show(found: History) -> None:
    if found.has_earlier:
        tell(f"the last {len(found.done):,}; `--last` shows more")
    for each in found.done:
        tell(str(each))
    if not found.done:
        tell(f"nothing of that was done since {found.begins:%F %T %Z}, when the history begins")
    for rule in found.rules:
        tell(f"{rule}:")
        for line in indent(rule.text, INDENT).splitlines():
            tell(line)
