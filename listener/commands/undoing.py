"""`listener undo`."""

import json
import sys
from typing import Annotated, Any

import asyncpg
import typer

from listener import sql
from listener.catalogue import installation
from listener.commands.flags import CONNECTION, command
from listener.commands.history import Since
from listener.commands.printing import tell
from listener.database.connection import Connection
from listener.errors import ListenerError, UndoWhat
from listener.feed import pausing, replaying
from listener.feed.registry import ENROLL
from listener.inspection import history
from listener.reasons import reason
from listener.repair import undoing
from listener.repair.undoing import Undone
from listener.schema import install as installing

LAST = "last"
MEND = "correct the rule, or what it reads, then `listener resume enroll`"


def _check_flags(flags: dict[str, Any]) -> None:
    if (flags["since"] is None) == (flags["rule"] is None) or flags["rule"] not in (None, LAST, LAST.upper()):
        raise UndoWhat


@command(*CONNECTION, only_looks=lambda flags: flags["dry_run"], check=_check_flags)
async def undo(
    connection: Connection,
    *,
    since: Since = None,
    rule: Annotated[
        str | None, typer.Option("--rule", metavar="last", help="What was done by the rule that is in force.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be undone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Reverse what the listener did, where nobody has touched it since.

    All since then, or all by the rule in force. The brake is off for that. Enrolling is paused, so that it is not done
    again; by --rule, the rule before is in force."""
    await installation.require(connection)
    begins = await history.begins(connection)
    at = None if since is None else await replaying.moment(connection, since)
    rules = await connection.fetch(sql.read("inspection/history", "last_rules"))
    number = None if rule is None else rules[0]["number"]
    found = await undoing.look(connection, at, number)
    told = Undone().to_dict() | {"then": None} | found.to_dict()
    lines = [f"of rule {number}:"] if number is not None else []
    if at is not None and at < begins:
        lines.append(f"the history begins {begins:%F %T %Z}: what was done before stays")
    _tell([*lines, *found.lines()], quietly=as_json)
    status = 0
    # A rule that has done nothing yet would do it: all may be held. (Not where that rule is here by an undo.)
    may_act = number is not None and len(rules) > 1 and rules[0]["settings"] != rules[-1]["settings"]
    if (found.untouched or may_act) and not dry_run:
        what = f"rule {number}" if at is None else f"what was done since {at:%F %T %Z}"
        was_paused = await _pause(connection, f"undo of {what}")
        # Work in hand is over, and is seen now.
        done = await undoing.undo(connection, await undoing.look(connection, at, number))
        before = dict(rules[1]) if number is not None and len(rules) > 1 else None
        then = await _go_on(connection, before, was_paused=was_paused)
        _tell([*done.lines(), then], quietly=as_json)
        told |= done.to_dict() | {"then": then}
        status = 1 if done.remains else 0
    if as_json:
        sys.stdout.write(json.dumps(told) + "\n")
    return status


def _tell(lines: list[str], *, quietly: bool) -> None:
    for line in lines if not quietly else ():
        tell(line)


async def _pause(connection: Connection, why: str) -> bool:
    """Whether enrolling was paused before."""
    _, is_new = await pausing.pause(connection, ENROLL, why)
    await pausing.let_finish(connection)
    return not is_new


async def _go_on(connection: Connection, before: dict[str, Any] | None, *, was_paused: bool) -> str:
    """Install the rule before, if there is one, and let enrolling go on; the outcome, in words."""
    if before is None:
        return f"enrolling is paused, so that it is not done again: {MEND}"
    try:
        plan = await installing.plan(connection, {}, rule=before["settings"])
        await installing.install(connection, plan)
    except (ListenerError, asyncpg.PostgresError) as error:
        problem = str(error) if isinstance(error, ListenerError) else reason(error)
        return f"the rule before could not be installed ({problem}); enrolling is paused: {MEND}"
    said = f"the rule of {before['installed_at']:%F %T %Z}, by {before['installed_by']}, is in force again"
    if was_paused:
        return f"{said}; enrolling was paused before, and still is"
    await pausing.resume(connection, ENROLL)
    return said
