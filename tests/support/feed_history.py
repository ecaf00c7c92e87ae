"""Random histories of the feed: writers, whose transactions interleave, and leaders, who read batches of any size."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field

import asyncpg
from hypothesis import strategies as st

from listener.database.connection import Connection, tune
from listener.errors import Fenced
from listener.feed import replaying
from listener.feed.consumer import Batch, InstalledConsumer
from listener.feed.lane import Lane
from tests.conftest import Database

WRITERS = 4

# No unique key: what is applied twice is there twice.
TABLE = """
create table public.applied (note bigint not null);
insert into listener.reaction (name, text, hash) values ('test', '', '');
"""

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

SOME = REACTION.replace("select batch.id from batch", "select batch.id from batch where batch.course_id is not null")
"""Of a consumer that only notes with a course concern, and that passes over the others."""
PASS_OVER = "select * from listener.pass_over('test', $1)"

RESET = """
truncate listener.change, listener.checkpoint, listener.ahead, listener.reaction, public.applied;
insert into listener.reaction (name, text, hash) values ('test', '', '');
insert into listener.checkpoint (consumer, seq, handled) values ('test', 0, pg_current_snapshot());
"""

REMEMBERED = """
select last_checkpoint.first_ahead, (select count(*) from listener.ahead) as ahead
from listener.last_checkpoint
where last_checkpoint.consumer = 'test'
"""

FROM_THERE_ON = """
select id
from listener.change
where xid >= (select xid from listener.change where at >= $1 order by xid limit 1)
"""

NOTE = """
insert into listener.change (source, operation, profile_ids, course_id)
values ('profiles', 'insert', $1, cardinality($1::integer[]))
returning id
"""

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
    st.tuples(st.just("pass_over"), st.none(), size),
    st.tuples(st.just("pass_over"), st.none(), size),
    st.tuples(st.just("batch_among_notes"), st.none(), size),
    st.tuples(st.just("hold_batch"), st.none(), size),
    st.tuples(st.just("end_held_batch"), st.none(), st.booleans()),
    st.tuples(st.just("overtake"), st.none(), size),
    st.tuples(st.just("overtake"), st.none(), size),
    st.tuples(st.just("overtake_since_last_look"), st.none(), size),
    st.tuples(st.just("cut_off_overtaking"), st.none(), size),
    st.tuples(st.just("race"), st.none(), size),
    st.tuples(st.just("race_of_two_kinds"), st.none(), size),
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
    some: bool = False
    """Whether only notes with a course concern the consumer."""
    committed: set[int] = field(default_factory=set)
    """Notes that concern it."""
    others: set[int] = field(default_factory=set)
    held: bool = False
    lane: Lane = field(default_factory=lambda: Lane("test"))

    @property
    def consumer(self) -> InstalledConsumer:
        return InstalledConsumer("test", SOME if self.some else REACTION)

    async def _overtake(self, lane: Lane, connection: Connection, most: int) -> Batch | None:
        fresh = InstalledConsumer("test", SOME if self.some else REACTION, fresh=True)
        return await lane.take(connection, most, lambda looked: fresh.react(connection, most, looked))

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
        if self.some and not weight:
            self.others.add(taken)
        elif writer.levels:
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
            batch = await self.consumer.react(self.consumers[0], size)
        except asyncpg.LockNotAvailableError:
            assert self.held
            return None
        assert batch is None or not self.held
        if not self.held:
            left = await self.consumers[0].fetchval("select count(*) from listener.unhandled('test')")
            assert batch is not None or left == 0
            assert batch is None or batch.notes_left or left == 0, "it says that nothing is left"
        return batch

    async def pass_over(self, most: int) -> None:
        """What does not concern the consumer is passed over, if there is nothing else in the way."""
        if self.some and not self.held:
            await self.consumers[0].fetchrow(PASS_OVER, most)

    async def batch_among_notes(self, size: int) -> None:
        """A batch in a transaction that notes something before and after it, and in which an attempt has failed."""
        if self.held:
            return
        connection = self.consumers[0]
        async with connection.transaction():
            taken = [await connection.fetchval(NOTE, [1])]
            attempt = connection.transaction()
            await attempt.start()
            await connection.fetchval(NOTE, [2])
            await attempt.rollback()
            await self.pass_over(size)
            await self.consumer.react(connection, size)
            taken.append(await connection.fetchval(NOTE, [3]))
        self.committed.update(taken)

    async def overtake(self, most: int) -> None:
        """What is fresh is handled ahead of its turn, by a leader that has just begun to lead."""
        self.lane = Lane("test")
        await self.overtake_since_last_look(most)

    async def overtake_since_last_look(self, most: int) -> None:
        try:
            batch = await self._overtake(self.lane, self.consumers[0], most)
        except asyncpg.LockNotAvailableError:
            assert self.held
            return
        assert batch is None or (batch.notes_left and not self.held)

    async def cut_off_overtaking(self, most: int) -> None:
        """The leader was killed before its commit, and another one looks again."""
        if not self.held:
            transaction = self.consumers[0].transaction()
            await transaction.start()
            await self._overtake(Lane("test"), self.consumers[0], most)
            await transaction.rollback()

    async def cut_off_batch(self, size: int) -> None:
        """A batch that is applied, and never committed: the leader was killed."""
        if not self.held:
            transaction = self.consumers[0].transaction()
            await transaction.start()
            await self.consumer.react(self.consumers[0], size)
            await transaction.rollback()

    async def hold_batch(self, size: int) -> None:
        """A batch of a second leader that stays open for some steps."""
        if not self.held:
            await self.consumers[1].execute("begin")
            if await self.consumer.react(self.consumers[1], size) is None:
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
        await self._race(*(self.consumer.react(connection, size) for connection in self.consumers))

    async def race_of_two_kinds(self, size: int) -> None:
        """One leader handles a batch, the other what is fresh."""
        if not self.held:
            first, second = self.consumers
            await self._race(self.consumer.react(first, size), self._overtake(Lane("test"), second, size))

    async def _race(self, *leaders: Awaitable[Batch | None]) -> None:
        outcomes = await asyncio.gather(*leaders, return_exceptions=True)
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
        concerned = "course_id is not null" if self.some else "true"
        rows = await self.consumers[0].fetch(
            f"select note from public.applied union all select id from listener.unhandled('test') where {concerned}"
        )
        assert sorted(row["note"] for row in rows) == sorted(self.committed)

    async def catch_up(self, size: int) -> None:
        batches = 0
        while await self.batch(size) is not None:
            batches += 1
            assert batches <= len(self.committed) + len(self.others), "a batch handles at least one note"
        last = await self.consumers[0].fetchrow(REMEMBERED)
        assert last is not None
        assert (last["first_ahead"], last["ahead"]) == (None, 0), "what was ahead is behind"
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


@dataclass
class Ground:
    """The connections that all histories share, and the loop that they live in."""

    runner: asyncio.Runner
    database: Database
    writers: list[Connection]
    consumers: list[Connection]

    @classmethod
    async def connect(cls, runner: asyncio.Runner, database: Database) -> "Ground":
        """In a database that has the listener, and `TABLE`."""
        writers: list[Connection] = [await asyncpg.connect(database.url) for _ in range(WRITERS)]
        return cls(runner, database, writers, [await consumer_connection(database) for _ in range(2)])

    async def disconnect(self) -> None:
        """Close them all."""
        for connection in (*self.writers, *self.consumers):
            await connection.close()

    def run(self, steps: list[tuple[str, int | None, int | bool | None]], last_size: int, *, some: bool) -> None:
        """Run one history, and clean up behind it."""
        history = History(self.database, [Writer(each) for each in self.writers], self.consumers, some)

        async def run() -> None:
            try:
                await history.run(steps, last_size)
            finally:
                await history.clean_up()

        self.runner.run(run())
