"""Whatever the order of commits and however batches are cut: every committed note is handled exactly once, and once
more if it is to be handled again."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from listener.connection import Connection, tune
from listener.errors import Fenced
from listener.feed import replaying
from listener.feed.consumer import Batch, Consumer
from tests.conftest import Database, install_script
from tests.support import lms
from tests.support.postgres import Server

WRITERS = 4
EXAMPLES = 200
LONG_EXAMPLES = 10_000

# No unique key: what is applied twice is there twice.
TABLE = "create table public.applied (note bigint not null)"

REACTION = """
{{feed}},

applied as (
    insert into public.applied (note)
    select batch.id from batch
)

select batch_summary.*
from batch_summary
where batch_summary.changes > 0
"""

RESET = """
truncate listener.change, listener.checkpoint, public.applied;
insert into listener.checkpoint (consumer, seq, handled) values ('test', 0, pg_current_snapshot());
"""

FROM_THERE_ON = """
select id
from listener.change
where xid >= (select xid from listener.change where at >= $1 order by xid limit 1)
"""

NOTE = "insert into listener.change (source, operation, profile_ids) values ('profiles', 'insert', $1) returning id"

writer = st.integers(0, WRITERS - 1)
size = st.one_of(st.integers(1, 4), st.sampled_from([7, 50]))
weight = st.sampled_from([0, 1, 1, 2, 3, 9])
step = st.one_of(
    st.tuples(st.just("note"), writer, weight),
    st.tuples(st.just("note"), writer, weight),
    st.tuples(st.just("begin"), writer, st.none()),
    st.tuples(st.just("take_xid"), writer, st.none()),
    st.tuples(st.just("savepoint"), writer, st.none()),
    st.tuples(st.just("rollback_to_savepoint"), writer, st.none()),
    st.tuples(st.just("commit"), writer, st.none()),
    st.tuples(st.just("commit"), writer, st.none()),
    st.tuples(st.just("rollback"), writer, st.none()),
    st.tuples(st.just("batch"), st.none(), size),
    st.tuples(st.just("batch"), st.none(), size),
    st.tuples(st.just("cut_off_batch"), st.none(), size),
    st.tuples(st.just("hold_batch"), st.none(), size),
    st.tuples(st.just("end_held_batch"), st.none(), st.booleans()),
    st.tuples(st.just("race"), st.none(), size),
    st.tuples(st.just("restart"), st.none(), st.none()),
    st.tuples(st.just("replay"), st.none(), st.integers(0, 9)),
)


@dataclass
class Writer:
    """One client, and the notes of its open transaction: a list for each savepoint."""

    connection: Connection
    levels: list[list[int]] = field(default_factory=list)


@dataclass
class History:
    """One random history, and what must come of it."""

    database: Database
    writers: list[Writer]
    consumers: list[Connection]
    committed: set[int] = field(default_factory=set)
    held: bool = False

    async def run(self, steps: list[tuple[str, int | None, int | bool | None]], last_size: int) -> None:
        """Take every step, end what is open, let the consumer catch up, and compare."""
        await self.writers[0].connection.execute(RESET)
        for name, who, argument in steps:
            if who is None:
                await getattr(self, name)(argument)
                await self.check()
            else:
                await getattr(self, name)(self.writers[who], argument)
        await self.end_held_batch(apply=False)
        for each in self.writers:
            await self.commit(each)
        await self.catch_up(last_size)

    async def begin(self, writer: Writer, _argument: object = None) -> None:
        if not writer.levels:
            await writer.connection.execute("begin")
            writer.levels = [[]]

    async def take_xid(self, writer: Writer, _argument: object) -> None:
        await self.begin(writer)
        await writer.connection.execute("select pg_current_xact_id()")

    async def note(self, writer: Writer, weight: int) -> None:
        taken = await writer.connection.fetchval(NOTE, list(range(weight)) or None)
        if writer.levels:
            writer.levels[-1].append(taken)
        else:
            self.committed.add(taken)

    async def savepoint(self, writer: Writer, _argument: object) -> None:
        if writer.levels:
            await writer.connection.execute(f"savepoint s{len(writer.levels)}")
            writer.levels.append([])

    async def rollback_to_savepoint(self, writer: Writer, _argument: object) -> None:
        if len(writer.levels) > 1:
            writer.levels.pop()
            await writer.connection.execute(f"rollback to savepoint s{len(writer.levels)}")

    async def commit(self, writer: Writer, _argument: object = None) -> None:
        if writer.levels:
            await writer.connection.execute("commit")
            self.committed.update(taken for level in writer.levels for taken in level)
            writer.levels = []

    async def rollback(self, writer: Writer, _argument: object) -> None:
        if writer.levels:
            await writer.connection.execute("rollback")
            writer.levels = []

    async def batch(self, size: int) -> Batch | None:
        """One batch, as a leader does it; while another connection has one open, it must not get through."""
        try:
            batch = await Consumer("test", REACTION).react(self.consumers[0], size)
        except asyncpg.LockNotAvailableError:
            assert self.held
            return None
        assert batch is None or not self.held
        if not self.held:
            left = await self.consumers[0].fetchval("select count(*) from listener.unhandled('test')")
            assert batch is not None or left == 0
            assert batch is None or batch.notes_left or left == 0, "it says that nothing is left"
        return batch

    async def cut_off_batch(self, size: int) -> None:
        """A batch that is applied, and never committed: the leader was killed."""
        if not self.held:
            transaction = self.consumers[0].transaction()
            await transaction.start()
            await Consumer("test", REACTION).react(self.consumers[0], size)
            await transaction.rollback()

    async def hold_batch(self, size: int) -> None:
        """A batch of a second leader that stays open for some steps."""
        if not self.held:
            await self.consumers[1].execute("begin")
            if await Consumer("test", REACTION).react(self.consumers[1], size) is None:
                await self.consumers[1].execute("rollback")
            else:
                self.held = True

    async def end_held_batch(self, apply: bool) -> None:
        if self.held:
            await self.consumers[1].execute("commit" if apply else "rollback")
            self.held = False

    async def race(self, size: int) -> None:
        """Two leaders read one checkpoint at once: one wins, or the second comes after the first."""
        if self.held:
            return
        outcomes = await asyncio.gather(
            *(Consumer("test", REACTION).react(connection, size) for connection in self.consumers),
            return_exceptions=True,
        )
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert all(isinstance(failure, Fenced | asyncpg.LockNotAvailableError) for failure in failures), failures
        assert len(failures) < 2

    async def restart(self, _argument: object) -> None:
        """The leader's connection dies; a new one goes on."""
        self.consumers[0].terminate()
        self.consumers[0] = await consumer_connection(self.database)

    async def replay(self, last: int) -> None:
        """Whatever was noted since one of the last notes was, and is handled, is to be handled again. What was applied
        of it is forgotten here, so that it must be there once more."""
        since = await self.consumers[0].fetchval(
            "select at from listener.change order by at desc offset $1 limit 1", last
        )
        if self.held or since is None:
            return
        unhandled = "select id from listener.unhandled('test')"
        before = {row["id"] for row in await self.consumers[0].fetch(unhandled)}
        replay = await replaying.replay(self.consumers[0], "test", since)
        after = {row["id"] for row in await self.consumers[0].fetch(unhandled)}
        expected = {row["id"] for row in await self.consumers[0].fetch(FROM_THERE_ON, since)}
        assert after == before | expected
        assert replay.notes == len(after - before)
        await self.consumers[0].execute("delete from public.applied where note = any ($1)", list(after - before))

    async def check(self) -> None:
        """In every snapshot: applied and unhandled notes together are the committed ones, each once."""
        rows = await self.consumers[0].fetch(
            "select note from public.applied union all select id from listener.unhandled('test')"
        )
        assert sorted(row["note"] for row in rows) == sorted(self.committed)

    async def catch_up(self, size: int) -> None:
        batches = 0
        while await self.batch(size) is not None:
            batches += 1
            assert batches <= len(self.committed), "a batch handles at least one note"
        applied = [row["note"] for row in await self.consumers[0].fetch("select note from public.applied")]
        assert sorted(applied) == sorted(self.committed)

    async def clean_up(self) -> None:
        """Leave no transaction open for the next history."""
        await self.end_held_batch(apply=False)
        for each in self.writers:
            await each.connection.execute("rollback") if each.connection.is_in_transaction() else None
            each.levels = []


async def consumer_connection(database: Database) -> Connection:
    connection: Connection = await asyncpg.connect(database.url)
    await tune(connection)
    return connection


@pytest.fixture(scope="module")
def feed_database(servers: Callable[[int], Server], postgres_version: int) -> Iterator[Database]:
    """One database for all histories."""
    server = servers(postgres_version)
    database = Database(server, "feed_histories")
    server.psql("postgres", f"create database {database.name}")
    server.psql(database.name, lms.schema("integer"))
    server.psql(database.name, install_script(database.url))
    server.psql(database.name, TABLE)
    yield database
    server.psql("postgres", f"drop database {database.name} with (force)")


@dataclass
class Ground:
    """The connections that all histories share, and the loop that they live in."""

    runner: asyncio.Runner
    database: Database
    writers: list[Connection]
    consumers: list[Connection]

    def run(self, steps: list[tuple[str, int | None, int | bool | None]], last_size: int) -> None:
        history = History(self.database, [Writer(each) for each in self.writers], self.consumers)

        async def run() -> None:
            try:
                await history.run(steps, last_size)
            finally:
                await history.clean_up()

        self.runner.run(run())


@pytest.fixture(scope="module")
def ground(feed_database: Database) -> Iterator[Ground]:
    with asyncio.Runner() as runner:

        async def connect() -> Ground:
            writers: list[Connection] = [await asyncpg.connect(feed_database.url) for _ in range(WRITERS)]
            consumers = [await consumer_connection(feed_database) for _ in range(2)]
            return Ground(runner, feed_database, writers, consumers)

        made = runner.run(connect())
        yield made

        async def disconnect() -> None:
            for connection in (*made.writers, *made.consumers):
                await connection.close()

        runner.run(disconnect())


def examples(request: pytest.FixtureRequest) -> int:
    return LONG_EXAMPLES if request.config.getoption("--long") else EXAMPLES


@pytest.mark.timeout(7200)
def test_every_committed_note_is_applied_exactly_once(ground: Ground, request: pytest.FixtureRequest) -> None:
    @settings(
        max_examples=examples(request),
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(steps=st.lists(step, min_size=10, max_size=60), last_size=size)
    def histories(steps: list[tuple[str, int | None, int | bool | None]], last_size: int) -> None:
        ground.run(steps, last_size)

    histories()


def test_the_feed_finds_the_late_commit_that_a_cursor_on_the_highest_id_loses(ground: Ground) -> None:
    async def scenario() -> None:
        slow, quick = ground.writers[:2]
        reader = ground.consumers[0]
        await slow.execute(RESET)
        for each in (slow, quick):
            await each.execute("discard sequences")  # numbers that it took before, and has not used
        above = "select id from listener.change where id > $1 order by id"

        await slow.execute("begin")
        late = await slow.fetchval(NOTE, [1])
        early = await quick.fetchval(NOTE, [2])
        assert late < early

        seen_by_cursor = [row["id"] for row in await reader.fetch(above, 0)]
        await Consumer("test", REACTION).react(reader, 100)
        await slow.execute("commit")
        seen_by_cursor += [row["id"] for row in await reader.fetch(above, max(seen_by_cursor))]
        await Consumer("test", REACTION).react(reader, 100)

        assert seen_by_cursor == [early], "the late commit is lost for good"
        assert {row["note"] for row in await reader.fetch("select note from public.applied")} == {early, late}

    ground.runner.run(scenario())


@st.composite
def batches_read(draw: st.DrawFn) -> tuple[int, set[int], int, set[int], int, bool]:
    """A checkpoint, a later snapshot, and the last transaction that a batch read between the two."""
    handled_max = draw(st.integers(1, 12))
    handled_open = {xid for xid in range(1, handled_max) if draw(st.booleans())}
    seen_max = handled_max + draw(st.integers(0, 8))
    could_be_open = sorted(handled_open | set(range(handled_max, seen_max)))
    seen_open = {xid for xid in could_be_open if draw(st.booleans())}
    readable = [xid for xid in could_be_open if xid not in seen_open]
    if not readable:
        return draw(batches_read())
    return handled_max, handled_open, seen_max, seen_open, draw(st.sampled_from(readable)), draw(st.booleans())


def snapshot(last: int, still_open: set[int]) -> str:
    return f"{min(still_open, default=last)}:{last}:{','.join(map(str, sorted(still_open)))}"


VISIBLE = """
select array(
    select xid from generate_series(1, 30) as xid
    where pg_visible_in_snapshot(xid::text::xid8, {made})
)
"""


def test_a_cut_batch_s_checkpoint_holds_what_was_read_and_nothing_else(ground: Ground) -> None:
    made = VISIBLE.format(
        made="listener.snapshot_through($1::text::pg_snapshot, $2::text::pg_snapshot, $3::text::xid8, $4)"
    )

    @settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(batches_read())
    def checkpoints(read: tuple[int, set[int], int, set[int], int, bool]) -> None:
        handled_max, handled_open, seen_max, seen_open, last, whole = read
        handled = {xid for xid in range(1, handled_max) if xid not in handled_open}
        below = {xid for xid in range(1, last) if xid < seen_max and xid not in seen_open}
        expected = handled | below | ({last} if whole else set())
        visible = ground.runner.run(
            ground.writers[0].fetchval(
                made, snapshot(handled_max, handled_open), snapshot(seen_max, seen_open), str(last), whole
            )
        )
        assert set(visible) == expected

    checkpoints()


@pytest.mark.parametrize(
    ("handled", "first", "expected"),
    [
        ("10:20:10,15", "12", "10:12:10"),
        ("10:20:10,15", "15", "10:15:10"),
        ("10:20:10,15", "10", "10:10:"),
        ("10:20:10", "5", "5:5:"),
        ("10:20:10,15", "30", "10:20:10,15"),
    ],
)
def test_what_is_to_be_handled_again_is_taken_from_a_checkpoint(
    ground: Ground, handled: str, first: str, expected: str
) -> None:
    query = "select listener.snapshot_before($1::text::pg_snapshot, $2::text::xid8)::text"
    assert ground.runner.run(ground.writers[0].fetchval(query, handled, first)) == expected


@pytest.mark.parametrize(
    ("handled", "finished", "expected"),
    [
        ("10:20:10,15", "15", "10:20:10"),
        ("10:20:10", "10", "20:20:"),
        ("10:20:10,15", "20", "10:21:10,15"),
        ("20:20:", "20", "21:21:"),
    ],
)
def test_a_finished_transaction_alone_is_added(ground: Ground, handled: str, finished: str, expected: str) -> None:
    query = "select listener.snapshot_with($1::text::pg_snapshot, $2::text::xid8)::text"
    assert ground.runner.run(ground.writers[0].fetchval(query, handled, finished)) == expected
