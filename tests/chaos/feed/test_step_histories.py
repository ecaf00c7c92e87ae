"""Steps beside a leader's statements, at random: every consumer sees every note once, and every count is exact."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from listener import logs
from listener.database.connection import Connection, tune
from listener.database.executors import Executors, TimedExecutor
from listener.errors import Fenced
from listener.instruments.instruments import Instruments
from listener.reactions.batch_size import BatchSizes
from listener.reactions.runner import Reactions
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.postgres import two_versions

SECONDS = 2.0
LONG_SECONDS = 60.0
COURSES = 6

SCHEMA = f"""
insert into courses (title, price) select 'free', 0 from generate_series(1, {COURSES});
insert into profiles (role) select 'teacher' from generate_series(1, 200);
create table refused (course_id uuid not null);
create function refuse() returns trigger language plpgsql as $$
begin
    if exists (select from public.refused where course_id = new.id) then
        raise exception 'closed';
    end if;
    return new;
end $$;
create trigger refuse before update on courses for each row execute function refuse();
create table applied (note bigint not null);
insert into listener.checkpoint (consumer, seq, handled) values ('test', 0, pg_current_snapshot());
"""
REACTION = """{{feed}},
applied as (insert into public.applied (note) select batch.id from batch)
select batch_summary.* from batch_summary where batch_summary.changes > 0
"""
INSTALL = "insert into listener.reaction (name, text, hash) values ('test', $1, '')"

STEP = "select * from listener.step($1, retention => '1 day')"
SIGN_UP = "insert into profiles (role) select 'student' from generate_series(1, $1::integer)"
ENROLL_BY_HAND = """
insert into enrollments (user_id, course_id)
select
    (select id from profiles where role = 'teacher' order by random() limit 1),
    (select id from courses order by random() limit 1)
on conflict do nothing
"""
LEAVE = """
delete from enrollments where id = (
    select enrollments.id from enrollments inner join profiles on profiles.id = user_id
    where role = 'teacher' order by random() limit 1
)
"""
REFUSE = "insert into refused (course_id) select id from courses order by random() limit 1"
RENAME = "update listener.binding set name = 'was_renamed' where token = (select min(token) from listener.binding)"
"""As if something had been renamed: the next step follows, and binds everything again."""

NOT_APPLIED_ONCE = """
select json_agg(json_build_object('xid', xid, 'id', id, 'source', source, 'times', times))::text
from (select change.*, (select count(*) from applied where note = change.id) as times from listener.change) as change
where
    xid >= (select pg_snapshot_xmax(handled) from listener.checkpoint where consumer = 'test' and seq = 0)
    and times <> 1
"""
INEXACT = """
select json_agg(courses.enrollments - active.count)::text
from courses
cross join lateral (select count(*) from enrollments where course_id = courses.id) as active
where courses.enrollments <> active.count
"""
NOT_ENROLLED_ONCE = """
select count(*) from profiles
where role = 'student' and (select count(*) from enrollments where user_id = profiles.id) <> 1
"""


@pytest.fixture(params=two_versions())
def postgres_version(request: pytest.FixtureRequest) -> int:
    """Both of them."""
    return int(request.param)


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """What chooses; its seed is told, and `--seed` takes it."""
    seed = request.config.getoption("--seed")
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    print(f"--seed {seed}")
    return random.Random(seed)


class School:
    """All who are at work in one database until `stop`, each on a connection of its own."""

    def __init__(self, database: Database, chance: random.Random) -> None:
        self.database = database
        self.chance = chance
        self.stop = asyncio.Event()

    async def repeat(self, do: Callable[[Connection], Awaitable[None]], pause: float) -> None:
        """Do it again and again, with pauses of up to so many seconds."""
        connection: Connection = await connect(self.database.url)
        while not self.stop.is_set():
            await do(connection)
            await asyncio.sleep(self.chance.random() * pause)
        connection.terminate()

    async def step(self, connection: Connection) -> None:
        row = await connection.fetchrow(STEP, self.chance.choice((3, 20, 2000)))
        assert row is not None

    async def lead(self) -> None:
        """What a leader sends, without the lock that would keep steps away: the checkpoint's key does."""
        connection: Connection = await connect(self.database.url)
        await tune(connection)
        executor = TimedExecutor(connection, 30, lambda: None)
        log = logs.configure("error", "json")
        while not self.stop.is_set():
            reactions = Reactions(
                Executors.alike(executor),
                Instruments.of_daemon(1.0, log),
                BatchSizes(self.chance.choice((3, 20, 2000))),
            )
            reactions.learn({"test": REACTION})
            try:
                for _ in range(self.chance.randrange(1, 20)):
                    reactions.news()
                    await reactions.run_due()
                    await asyncio.sleep(self.chance.random() * 0.01)
            except Fenced:
                pass
        connection.terminate()

    async def sign_up(self, connection: Connection) -> None:
        async with connection.transaction():
            await connection.execute(SIGN_UP, self.chance.randrange(1, 5))
            if self.chance.random() < 0.2:
                savepoint = connection.transaction()
                await savepoint.start()
                await connection.execute(SIGN_UP, 1)
                await savepoint.rollback()
            if self.chance.random() < 0.2:
                await asyncio.sleep(self.chance.random() * 0.05)

    async def enroll_by_hand(self, connection: Connection) -> None:
        await connection.execute(ENROLL_BY_HAND if self.chance.random() < 0.7 else LEAVE)

    async def refuse_counts(self, connection: Connection) -> None:
        await connection.execute(REFUSE if self.chance.random() < 0.5 else "delete from refused")

    async def rename(self, connection: Connection) -> None:
        await connection.execute(RENAME)


async def catch_up(connection: Connection) -> None:
    """Steps, until nothing is left to do, and nothing is set aside."""
    await connection.execute("delete from refused")
    for _ in range(1000):
        await connection.execute("update listener.pending_count set next_attempt_at = now()")
        await connection.execute("update listener.pending_enrollment set next_attempt_at = now()")
        row = await connection.fetchrow(STEP, 2000)
        assert row is not None
        assert row["problem"] is None, row["problem"]
        if not row["notes_left"]:
            break
    for consumer in ("enroll", "count", "test"):
        assert await connection.fetchval("select count(*) from listener.unhandled($1)", consumer) == 0


async def test_whatever_steps_and_a_leader_do_at_once_each_note_is_seen_once(
    database: Database, connection: Connection, chance: random.Random, request: pytest.FixtureRequest
) -> None:
    await connection.execute(SCHEMA)
    await connection.execute(INSTALL, REACTION)
    school = School(database, chance)
    async with asyncio.TaskGroup() as tasks:
        for do, pause in (
            (school.step, 0.01),
            (school.step, 0.02),
            (school.sign_up, 0.01),
            (school.sign_up, 0.02),
            (school.enroll_by_hand, 0.01),
            (school.refuse_counts, 0.1),
            (school.rename, 0.3),
        ):
            tasks.create_task(school.repeat(do, pause))
        tasks.create_task(school.lead())
        await asyncio.sleep(LONG_SECONDS if request.config.getoption("--long") else SECONDS)
        school.stop.set()
    await catch_up(connection)
    assert await connection.fetchval(NOT_APPLIED_ONCE) is None
    assert await connection.fetchval(INEXACT) is None
    assert await connection.fetchval(NOT_ENROLLED_ONCE) == 0
    assert await connection.fetchval("select count(*) from profiles where role = 'student'") > 0
