"""The figures of `listener status`, read from the database alone, at a cost that does not grow with the tables."""

import time
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import anyio
import asyncpg

from listener import sql
from listener.catalogue import installation, rights
from listener.catalogue.problems import describe
from listener.catalogue.problems import look as look_for_problems
from listener.database.connection import Connection
from listener.database.lock_watch import reading_whole_tables
from listener.database.patience import patiently
from listener.database.rows import only_row
from listener.database.session import session_of
from listener.feed import pausing
from listener.feed.leadership import APPLICATION_NAME
from listener.feed.registry import BUILT_IN, consumers
from listener.feed.squatters import Squatter
from listener.inspection.rule_failure import answering
from listener.instruments import problems as problem_list
from listener.instruments.look import look as look_at_database
from listener.instruments.problems import Problem
from listener.instruments.sample import COUNTED
from listener.mapping.mapping import Mapping

LEADER_SECONDS = 2.0
"""A leader is looked for that long: a standby takes over, and a polling daemon takes the lock several times."""
WATCH_SECONDS = 0.5
"""A statement watches the lock that long: less than any `statement_timeout`."""


@dataclass(frozen=True)
class Students:
    """Figures that need a look at all rows."""

    students: int
    students_without_enrollment: int
    wanted_missing: int
    """Missing enrollments, except pending enrollments, or enrollments noted and not yet handled."""
    courses_off: int


@dataclass(frozen=True)
class Status:
    leader_pid: int | None
    leader_is_no_daemon: bool
    squatter_pid: int | None
    """The first squatter at the leader's lock."""
    leader_address: str | None
    leader_since: datetime | None
    polling: bool
    """A daemon polls, behind a transaction pooler: no session holds the leader's lock for long."""
    standbys: int | None
    """None where a daemon polls: one of its pooler's sessions is named like a standby."""
    backlog: int
    """Notes that wait for reactions, except paused reactions; the lag is of the same notes."""
    backlog_is_estimated: bool
    lag_seconds: float | None
    pending_students: int
    pending_by_reason: dict[str, int]
    pending_counts: int
    held: int
    """Enrollments that the brake holds."""
    oldest_transaction_seconds: float | None
    notify_queue_usage: float
    last_checkpoint_at: datetime | None
    paused: tuple[pausing.Pause, ...] = ()
    paused_backlog: int = 0
    reactions: dict[str, int] = field(default_factory=dict)
    """Notes that wait for each installed reaction."""
    mapping_broken: str | None = None
    """Lost tables or columns that are needed, and the way out."""
    squatters: tuple[Squatter, ...] = ()
    """Sessions that hold our locks and are no daemons: work goes on without the locks."""
    statistics: Students | None = None
    problems: tuple[Problem, ...] = ()
    """The worst first; empty if all is healthy."""
    has_ever_led: bool = True
    """Whether a daemon has led here before."""

    @property
    def problem(self) -> str | None:
        """The worst, in a line; None if all is healthy."""
        return str(self.problems[0]) if self.problems else None

    def to_dict(self) -> dict[str, Any]:
        told = {"healthy": not self.problems, "problem": self.problem}
        return asdict(self) | told | {"problems": [each.to_dict() for each in self.problems]}


async def look(connection: Connection, url: str | None, *, full: bool = False) -> Status:
    """The status now; `full` counts students and checks every course, which reads whole tables. Starts over if another
    session waits for a table, seen over a second connection to `url`. Raises NotInstalled, WrongVersion, MayNot,
    Busy."""
    async with rights.looking_at_schema(connection):
        installed = await installation.require(connection)
        names = await consumers(connection)
        who = await _who(connection)
        polling = await _polls(connection, who)
        seen = await look_at_database(connection, names)
        paused = await pausing.paused(connection)
        broken, _ = await look_for_problems(connection)
        statistics = await _statistics(connection, url, installed.mapping) if full else None
    figures, sight = seen.sample, seen.sight
    if polling or (who["leader_pid"] is not None and not who["leader_is_no_daemon"]):
        sight = sight.led()
    mapping = problem_list.of_mapping(broken, describe)
    return Status(
        leader_pid=None if polling else who["leader_pid"],
        leader_is_no_daemon=bool(who["leader_is_no_daemon"]) and not polling,
        squatter_pid=next((each.pid for each in figures.squatters if each.lock == "leader"), None),
        leader_address=who["leader_address"],
        leader_since=who["leader_since"],
        polling=polling,
        standbys=None if polling else who["standbys"],
        backlog=figures.backlog,
        backlog_is_estimated=figures.backlog >= COUNTED,
        lag_seconds=figures.lag_seconds if figures.oldest_unhandled_at else None,
        pending_students=sum(figures.pending_students.values()),
        pending_by_reason=figures.pending_students,
        pending_counts=figures.pending_counts,
        held=figures.held,
        oldest_transaction_seconds=figures.oldest_transaction_seconds if figures.oldest_transaction_at else None,
        notify_queue_usage=figures.notify_queue_usage,
        last_checkpoint_at=who["last_checkpoint_at"],
        paused=paused,
        paused_backlog=figures.paused_backlog,
        reactions={name: figures.by_consumer[name] for name in names if name not in BUILT_IN},
        squatters=figures.squatters,
        mapping_broken="; ".join(each for problem in mapping for each in problem.examples) or None,
        statistics=statistics,
        problems=sight.problems(figures, mapping=mapping),
        has_ever_led=problem_list.HAD_LEADER in sight.told,
    )


async def _who(connection: Connection) -> asyncpg.Record:
    """The leader; without one, while daemons are there, a takeover is waited for."""
    give_up_at = time.monotonic() + LEADER_SECONDS
    while True:
        row = await who_holds_the_lock(connection)
        if row["leader_pid"] is not None or not row["standbys"] or time.monotonic() > give_up_at:
            return row
        await anyio.sleep(0.1)


async def who_holds_the_lock(connection: Connection) -> asyncpg.Record:
    """Sessions that lead, and sessions of other daemons."""
    return await only_row(connection, sql.read("inspection/status", "leader"), APPLICATION_NAME)


async def _polls(connection: Connection, who: asyncpg.Record) -> bool:
    """Whether a daemon polls through a transaction pooler, whose sessions have any name, and may serve us next. A
    polling daemon holds the lock only in transactions: an idle holder is another session."""
    if _holds_while_idle(who) or (
        who["leader_pid"] is None and not who["others_at_work"] and not _is_shared(connection)
    ):
        return False
    if who["leader_pid"] is None and who["active_daemons"]:
        return True
    values = {"seconds": str(WATCH_SECONDS)}
    give_up_at = time.monotonic() + LEADER_SECONDS
    while time.monotonic() < give_up_at:
        async with connection.transaction(readonly=True):
            await connection.execute(sql.render(sql.read("inspection/status", "comes_and_goes"), values))
            if await connection.fetchval("select current_setting('listener.comes_and_goes')::boolean"):
                return True
        if _holds_while_idle(await who_holds_the_lock(connection)):
            return False
    return False


def _holds_while_idle(who: asyncpg.Record) -> bool:
    return who["leader_pid"] is not None and not who["leader_is_no_daemon"] and who["leader_is_idle"]


def _is_shared(connection: Connection) -> bool:
    """Whether the session may be a pooler's, and serve a daemon as well."""
    own = session_of(connection)
    return own is not None and bool(own.brings)


async def _statistics(connection: Connection, url: str | None, mapping: Mapping) -> Students:
    async def attempt() -> Students:
        async with reading_whole_tables(connection, url, readonly=True):
            row = await only_row(connection, sql.read("inspection/status", "statistics"))
        return Students(**dict(row))

    async with answering(connection, mapping):
        return await patiently(attempt, looks=True)
