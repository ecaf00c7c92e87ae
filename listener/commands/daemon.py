"""The commands that pause a reaction, resume a reaction, and replay notes to a reaction."""

from typing import Annotated

import typer

from listener.catalogue import installation
from listener.commands.flags import CONNECTION, command
from listener.commands.printing import tell
from listener.database.connection import Connection
from listener.errors import NotReplayed, UnknownReaction
from listener.feed import pausing, replaying
from listener.feed.registry import BUILT_IN, consumers
from listener.numerals import counted

Name = Annotated[
    str, typer.Argument(metavar="NAME", help=f"The reaction: {', '.join(BUILT_IN)}, or one that you installed.")
]


@command(*CONNECTION)
async def pause(
    connection: Connection,
    *,
    name: Name,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why: status and log say it.")] = None,
) -> None:
    """Let a reaction wait, until `listener resume`.

    Its notes wait with it. The pause is kept in the database, across restarts and changes of leader. When this returns
    no batch of the reaction begins any more, and the one in hand is over; should that take more than 10 s, a line says
    so."""
    await _check_name(connection, name)
    paused, is_new = await pausing.pause(connection, name, reason)
    if not is_new:
        tell(f"{paused} already")
        return
    if not await pausing.let_finish(connection):
        tell(f"a batch that began before is still at work after {pausing.IN_HAND_SECONDS:g} s; no other begins")
    tell(f"{name} is paused: what is noted waits until `listener resume {name}`")


@command(*CONNECTION)
async def resume(connection: Connection, *, name: Name) -> None:
    """Let a reaction that was paused go on.

    All that waits is handled, each note once. The leader goes on at once, or with its next heartbeat
    (LISTENER_HEARTBEAT_SECONDS) behind a transaction pooler."""
    await _check_name(connection, name)
    was = await pausing.resume(connection, name)
    tell(f"{name} was not paused: nothing to do" if was is None else f"{name} goes on")


@command(*CONNECTION, only_looks=lambda flags: flags["dry_run"])
async def replay(
    connection: Connection,
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The reaction: one that you installed.")],
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="How long ago ('1 hour'), or when ('2026-05-01 12:00').")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many notes that would be.")] = False,
) -> None:
    """Have a reaction of your own handle earlier notes again.

    Those that were noted since then. Whole transactions are handled again, from the first that noted something since.
    Only what is still in the feed can be: LISTENER_RETENTION_SECONDS says how long the daemon keeps it."""
    await _check_name(connection, name)
    if name in BUILT_IN:
        raise NotReplayed(name=name)
    at = await replaying.moment(connection, since)
    again = await (replaying.look if dry_run else replaying.replay)(connection, name, at)
    when, notes = f"{at:%F %T %Z}", counted(again.notes, "note")
    if not again.notes:
        tell(f"{name} has handled nothing that was noted since {when}: nothing to do")
    elif dry_run:
        tell(f"{name} would begin again at {when}, and handle {notes} again")
    else:
        tell(f"{name} begins again at {when}: {notes} will be handled again")


async def _check_name(connection: Connection, name: str) -> None:
    """Raise UnknownReaction, NotInstalled, WrongVersion."""
    await installation.require(connection)
    known = await consumers(connection)
    if name not in known:
        raise UnknownReaction(name=name, known=", ".join(known))
