"""The commands that tell whoever leads to leave a reaction alone, to go on with it, and to do it again."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from listener.adapter import install
from listener.connection import Connection
from listener.errors import NotReplayed, UnknownReaction
from listener.feed import pausing, replaying
from listener.feed.registry import BUILT_IN, consumers
from listener.flags import CONNECTION, takes_settings, with_connection
from listener.printing import tell
from listener.settings import Settings

Name = Annotated[
    str, typer.Argument(metavar="NAME", help=f"The reaction: {', '.join(BUILT_IN)}, or one that you installed.")
]


@takes_settings(*CONNECTION)
def pause(
    settings: Settings,
    *,
    name: Name,
    reason: Annotated[str | None, typer.Option("--reason", help="Why: status and log say it.")] = None,
) -> None:
    """Let a reaction wait, and its notes with it, until `listener resume`.

    The pause is kept in the database, across restarts and changes of leader. When this returns no batch of the reaction
    begins any more, and the one in hand is over; should that take more than 10 s, a line says so."""

    async def work(connection: Connection) -> None:
        paused, is_new = await pausing.pause(connection, name, reason)
        if not is_new:
            tell(f"{paused} already")
            return
        if not await pausing.let_finish(connection):
            tell(f"a batch that began before is still at work after {pausing.IN_HAND_SECONDS:g} s; no other begins")
        tell(f"{name} is paused: what is noted waits until `listener resume {name}`")

    _do(settings, name, work)


@takes_settings(*CONNECTION)
def resume(settings: Settings, *, name: Name) -> None:
    """Let a reaction that was paused go on.

    All that waits is handled, each note once. The leader goes on at once, or with its next heartbeat
    (LISTENER_HEARTBEAT_SECONDS) behind a transaction pooler."""

    async def work(connection: Connection) -> None:
        was = await pausing.resume(connection, name)
        tell(f"{name} was not paused: nothing to do" if was is None else f"{name} goes on")

    _do(settings, name, work)


@takes_settings(*CONNECTION)
def replay(
    settings: Settings,
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The reaction: one that you installed.")],
    since: Annotated[str, typer.Option("--since", help="How long ago ('1 hour'), or when ('2026-05-01 12:00').")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many notes that would be.")] = False,
) -> None:
    """Have a reaction of your own handle again what was noted since then.

    Whole transactions are handled again, from the first that noted something since. Only what is still in the feed
    can be: LISTENER_RETENTION_SECONDS says how long the daemon keeps it."""

    async def work(connection: Connection) -> None:
        if name in BUILT_IN:
            raise NotReplayed(name=name)
        at = await replaying.moment(connection, since)
        again = await (replaying.look if dry_run else replaying.replay)(connection, name, at)
        when, notes = f"{at:%F %T %Z}", f"{again.notes:,} {'note' if again.notes == 1 else 'notes'}"
        if not again.notes:
            tell(f"{name} has handled nothing that was noted since {when}: nothing to do")
        elif dry_run:
            tell(f"{name} would begin again at {when}, and handle {notes} again")
        else:
            tell(f"{name} begins again at {when}: {notes} will be handled again")

    _do(settings, name, work)


def _do(settings: Settings, name: str, work: Callable[[Connection], Awaitable[None]]) -> None:
    """Do it, if there is a reaction of that name. Raises UnknownReaction, NotInstalled, WrongVersion."""

    async def checked(connection: Connection) -> None:
        await install.require(connection)
        known = await consumers(connection)
        if name not in known:
            raise UnknownReaction(name=name, known=", ".join(known))
        await work(connection)

    with_connection(settings, checked)
