"""What `listener status` shows, read from the database alone, at a cost that does not grow with it."""

import json
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import anyio
import asyncpg
from rich.console import Console
from rich.live import Live
from rich.table import Table

from listener import sql
from listener.adapter import install
from listener.adapter.problems import describe
from listener.connection import Connection, address, connected, reason
from listener.errors import CONNECTION_ERRORS, MayNot, Unreachable
from listener.feed.leadership import APPLICATION_NAME
from listener.feed.registry import CONSUMERS
from listener.lock_watch import reading_whole_tables
from listener.locks import DEPUTY_LOCK, LEADER_LOCK, LOCK_CLASS
from listener.monitor.sample import COUNTED
from listener.monitor.sample import look as sample
from listener.patience import patiently

UNHEALTHY_LAG_SECONDS = 10.0
LEADER_SECONDS = 2.0
"""A standby takes over within this time, so a leader is looked for that long."""


@dataclass(frozen=True)
class Students:
    """What only a look at all rows can tell."""

    students: int
    students_without_enrollment: int
    courses_off: int


@dataclass(frozen=True)
class Status:
    """One look at a database's daemons and feed."""

    leader_pid: int | None
    leader_is_no_daemon: bool
    squatter_pid: int | None
    """A session that is no daemon and holds the leader's lock, while a deputy leads."""
    leader_address: str | None
    leader_since: datetime | None
    polling: bool
    """Nobody holds the leader's lock for long, but a daemon is at work: it polls, behind a transaction pooler."""
    standbys: int
    backlog: int
    backlog_is_estimated: bool
    lag_seconds: float | None
    pending_students: int
    pending_by_reason: dict[str, int]
    pending_counts: int
    oldest_transaction_seconds: float | None
    notify_queue_usage: float
    last_checkpoint_at: datetime | None
    mapping_broken: str | None = None
    """What a migration took away that cannot be done without, and what to do about it."""
    statistics: Students | None = None

    @property
    def problem(self) -> str | None:
        """Why this is not healthy, or None if it is."""
        if self.leader_pid is None and not self.polling:
            return "no daemon leads: start one with `listener run`"
        if self.leader_is_no_daemon:
            return f"the leader's lock is held by a session that is no daemon, pid {self.leader_pid}"
        if self.mapping_broken is not None:
            return f"mapping_broken: {self.mapping_broken}"
        if self.lag_seconds is not None and self.lag_seconds > UNHEALTHY_LAG_SECONDS:
            return f"the oldest change has waited for {self.lag_seconds:.0f} s"
        return None

    def to_dict(self) -> dict[str, Any]:
        """For JSON; times in ISO 8601."""
        return asdict(self) | {"healthy": self.problem is None, "problem": self.problem}


async def look(connection: Connection, url: str | None, *, full: bool = False) -> Status:
    """The status now; `full` counts students and checks every course, which reads the tables as a whole. It starts over
    if somebody waits for it, seen over a second connection, to `url`.

    Raises NotInstalled, WrongVersion, MayNot, Busy.
    """
    try:
        await install.require(connection)
        who = await _who(connection)
        figures, _ = await sample(connection, CONSUMERS)
        problems = json.loads(await connection.fetchval(sql.read("adapter/problems")))
        statistics = await patiently(lambda: _statistics(connection, url)) if full else None
    except asyncpg.InsufficientPrivilegeError as error:
        raise MayNot(
            role=await connection.fetchval("select current_user"),
            action=f"look at schema listener ({reason(error)})",
            mend="connect as the role that installed it",
        ) from error
    now = figures.sampled_at
    return Status(
        leader_pid=who["leader_pid"],
        leader_is_no_daemon=bool(who["leader_is_no_daemon"]),
        squatter_pid=who["squatter_pid"],
        leader_address=who["leader_address"],
        leader_since=who["leader_since"],
        polling=who["leader_pid"] is None and who["active_daemons"] > 0,
        standbys=who["standbys"],
        backlog=figures.backlog,
        backlog_is_estimated=figures.backlog >= COUNTED,
        lag_seconds=max(0.0, now - figures.oldest_unhandled_at) if figures.oldest_unhandled_at else None,
        pending_students=sum(figures.pending_students.values()),
        pending_by_reason=figures.pending_students,
        pending_counts=figures.pending_counts,
        oldest_transaction_seconds=(
            max(0.0, now - figures.oldest_transaction_at) if figures.oldest_transaction_at else None
        ),
        notify_queue_usage=figures.notify_queue_usage,
        last_checkpoint_at=who["last_checkpoint_at"],
        mapping_broken="; ".join(map(describe, problems)) or None,
        statistics=statistics,
    )


async def _who(connection: Connection) -> asyncpg.Record:
    """Who leads; if nobody does while daemons are about, one may be taking over just now."""
    give_up_at = time.monotonic() + LEADER_SECONDS
    while True:
        row = await connection.fetchrow(
            sql.read("monitor/status"), LOCK_CLASS, [LEADER_LOCK, DEPUTY_LOCK], APPLICATION_NAME, CONSUMERS
        )
        assert row is not None
        if row["leader_pid"] is not None or not row["standbys"] or time.monotonic() > give_up_at:
            return row
        await anyio.sleep(0.1)


async def _statistics(connection: Connection, url: str | None) -> Students:
    async with reading_whole_tables(connection, url, readonly=True):
        row = await connection.fetchrow(sql.read("monitor/statistics"))
    assert row is not None
    return Students(**dict(row))


async def show(url: str | None, *, as_json: bool, full: bool, every: float | None) -> int:
    """Print the status, once or every so many seconds; the exit status. Raises Unreachable and what `look` raises."""
    console = Console(highlight=False)
    if every is None:
        async with connected(url, application_name="listener-command") as connection:
            seen = await _look(connection, url, full=full)
        _print(console, seen, as_json=as_json)
        return 0 if seen.problem is None else 1
    with Live(console=console, auto_refresh=False) as live:
        while True:
            try:
                async with connected(url, application_name="listener-command") as connection:
                    while True:
                        seen = await _look(connection, url, full=full)
                        if console.is_terminal and not as_json:
                            live.update(render(seen), refresh=True)
                        else:
                            _print(console, seen, as_json=as_json)
                        await anyio.sleep(every)
            except Unreachable as error:
                if as_json:
                    _write({"healthy": False, "problem": str(error)})
                elif console.is_terminal:
                    live.update(f"[bold red]{error}[/]", refresh=True)
                else:
                    console.print(str(error), markup=False)
                await anyio.sleep(every)


async def _look(connection: Connection, url: str | None, *, full: bool) -> Status:
    try:
        return await look(connection, url, full=full)
    except CONNECTION_ERRORS as error:
        raise Unreachable(address=address(url), reason=reason(error)) from error


def _print(console: Console, seen: Status, *, as_json: bool) -> None:
    if as_json:
        _write(seen.to_dict())
    else:
        console.print(render(seen))


def _write(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, default=lambda value: value.isoformat()) + "\n")
    sys.stdout.flush()


def render(seen: Status) -> Table:
    """The status as people read it."""
    headline = "[bold green]healthy[/]" if seen.problem is None else f"[bold red]{seen.problem}[/]"
    table = Table.grid(padding=(0, 2))
    table.add_row("[bold]listener[/]", headline)
    table.add_row("leader", _leader(seen))
    table.add_row("standbys", f"{seen.standbys}")
    approximately = "about " if seen.backlog_is_estimated else ""
    changes = "change" if seen.backlog == 1 else "changes"
    waits = "" if seen.lag_seconds is None else f", the oldest waits for {duration(seen.lag_seconds)}"
    table.add_row("backlog", f"{approximately}{seen.backlog:,} {changes}{waits}")
    table.add_row("last batch", _ago(seen.last_checkpoint_at))
    reasons = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in seen.pending_by_reason.items())
    table.add_row(
        "pending students",
        "none"
        if not seen.pending_students
        else f"[yellow]{seen.pending_students:,}[/] ({reasons}); see listener pending",
    )
    if seen.pending_counts:
        table.add_row("pending counts", f"[yellow]{seen.pending_counts:,}[/] courses whose row is locked or refused")
    if seen.oldest_transaction_seconds is not None:
        table.add_row("oldest transaction", f"{duration(seen.oldest_transaction_seconds)}, somebody else's")
    if seen.notify_queue_usage >= 0.01:
        table.add_row("notify queue", f"{seen.notify_queue_usage:.0%} full")
    if seen.statistics is not None:
        table.add_row("students", f"{seen.statistics.students:,}")
        table.add_row("without enrollment", f"{seen.statistics.students_without_enrollment:,}")
        table.add_row("courses off", f"{seen.statistics.courses_off:,}")
    return table


def _leader(seen: Status) -> str:
    if seen.polling:
        return "a daemon that polls, behind a transaction pooler"
    if seen.leader_pid is None:
        return "[red]none[/]"
    where = f" from {seen.leader_address}" if seen.leader_address else ""
    since = "" if seen.leader_since is None else f", connected {_ago(seen.leader_since)}"
    deputy = (
        f"\n[yellow]a deputy: session {seen.squatter_pid}, which is no daemon, holds the leader's lock[/]"
        if seen.squatter_pid is not None
        else ""
    )
    return f"pid {seen.leader_pid}{where}{since}{deputy}"


def _ago(moment: datetime | None) -> str:
    if moment is None:
        return "never"
    return f"{duration(max(0.0, (datetime.now(UTC) - moment).total_seconds()))} ago"


def duration(seconds: float) -> str:
    """Seconds in a unit that suits them."""
    for limit, divisor, unit in (
        (1.0, 0.001, "ms"),
        (120.0, 1.0, "s"),
        (7200.0, 60.0, "min"),
        (172_800.0, 3600.0, "h"),
    ):
        if seconds < limit:
            return f"{seconds / divisor:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"
