"""What `listener status` says, read from the database alone, at a cost that does not grow with it."""

import json
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import anyio
import asyncpg

from listener import sql
from listener.adapter import install
from listener.adapter.problems import describe
from listener.connection import Connection, reason
from listener.errors import MayNot
from listener.feed import pausing
from listener.feed.leadership import APPLICATION_NAME
from listener.feed.registry import BUILT_IN, consumers
from listener.lock_watch import reading_whole_tables
from listener.locks import DEPUTY_LOCK, LEADER_LOCK, LOCK_CLASS
from listener.monitor.sample import COUNTED
from listener.monitor.sample import look as sample
from listener.patience import patiently

UNHEALTHY_LAG_SECONDS = 10.0
LEADER_SECONDS = 2.0
"""A standby takes over within this time, and a daemon that polls takes the lock several times: a leader is looked for
that long."""
WATCH_SECONDS = 0.5
"""How long one statement watches the lock: less than anybody's `statement_timeout`."""

BY_QUERY = sql.render(sql.read("monitor/statistics_wanted"), {"astray": sql.read("monitor/astray")})


@dataclass(frozen=True)
class Students:
    """What only a look at all rows can tell."""

    students: int
    students_without_enrollment: int
    wanted_missing: int
    """Enrollments that should be there and are not, but for those of whom something is known: they are pending, or
    noted and not yet handled."""
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
    """Notes that wait for a reaction that is not paused; so is the lag."""
    backlog_is_estimated: bool
    lag_seconds: float | None
    pending_students: int
    pending_by_reason: dict[str, int]
    pending_counts: int
    oldest_transaction_seconds: float | None
    notify_queue_usage: float
    last_checkpoint_at: datetime | None
    paused: tuple[pausing.Pause, ...] = ()
    paused_backlog: int = 0
    """Notes that wait for a reaction that is paused."""
    reactions: dict[str, int] = field(default_factory=dict)
    """Of each reaction that was installed: the notes that wait for it."""
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
        by_query = (await install.require(connection)).mapping.wanted_query is not None
        names = await consumers(connection)
        who = await _who(connection, names)
        polling = await _polls(connection, who, names)
        figures, _ = await sample(connection, names)
        paused = await pausing.paused(connection)
        problems = json.loads(await connection.fetchval(sql.read("adapter/problems")))
        statistics = await patiently(lambda: _statistics(connection, url, by_query=by_query)) if full else None
    except asyncpg.InsufficientPrivilegeError as error:
        raise MayNot(
            role=await connection.fetchval("select current_user"),
            action=f"look at schema listener ({reason(error)})",
            mend="connect as the role that installed it",
        ) from error
    now = figures.sampled_at
    return Status(
        leader_pid=None if polling else who["leader_pid"],
        leader_is_no_daemon=bool(who["leader_is_no_daemon"]) and not polling,
        squatter_pid=who["squatter_pid"],
        leader_address=who["leader_address"],
        leader_since=who["leader_since"],
        polling=polling,
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
        paused=paused,
        paused_backlog=figures.paused_backlog,
        reactions={name: figures.by_consumer[name] for name in names if name not in BUILT_IN},
        mapping_broken="; ".join(map(describe, problems)) or None,
        statistics=statistics,
    )


async def _who(connection: Connection, consumers: list[str]) -> asyncpg.Record:
    """Who leads; if nobody does while daemons are about, one may be taking over just now."""
    give_up_at = time.monotonic() + LEADER_SECONDS
    while True:
        row = await who_holds_the_lock(connection, consumers)
        if row["leader_pid"] is not None or not row["standbys"] or time.monotonic() > give_up_at:
            return row
        await anyio.sleep(0.1)


async def who_holds_the_lock(connection: Connection, consumers: list[str]) -> asyncpg.Record:
    """One look at the sessions that lead, and at those of other daemons."""
    row = await connection.fetchrow(
        sql.read("monitor/status"), LOCK_CLASS, [LEADER_LOCK, DEPUTY_LOCK], APPLICATION_NAME, consumers
    )
    assert row is not None
    return row


async def _polls(connection: Connection, who: asyncpg.Record, consumers: list[str]) -> bool:
    """Whether a daemon polls through a transaction pooler, whose sessions may bear any name, and may be ours next. It
    holds the lock in transactions alone, so whoever holds it while idle is another."""
    if _holds_while_idle(who):
        return False
    if who["leader_pid"] is None and who["active_daemons"]:
        return True
    values = {"class": str(LOCK_CLASS), "lock": str(LEADER_LOCK), "seconds": str(WATCH_SECONDS)}
    give_up_at = time.monotonic() + LEADER_SECONDS
    while time.monotonic() < give_up_at:
        async with connection.transaction(readonly=True):
            await connection.execute(sql.render(sql.read("monitor/comes_and_goes"), values))
            if await connection.fetchval("select current_setting('listener.comes_and_goes')::boolean"):
                return True
        if _holds_while_idle(await who_holds_the_lock(connection, consumers)):
            return False
    return False


def _holds_while_idle(who: asyncpg.Record) -> bool:
    return who["leader_pid"] is not None and not who["leader_is_no_daemon"] and who["leader_is_idle"]


async def _statistics(connection: Connection, url: str | None, *, by_query: bool) -> Students:
    async with reading_whole_tables(connection, url, readonly=True):
        row = await connection.fetchrow(BY_QUERY if by_query else sql.read("monitor/statistics"))
    assert row is not None
    return Students(**dict(row))
