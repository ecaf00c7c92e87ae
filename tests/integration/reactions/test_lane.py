"""While a reaction has a backlog, what is fresh and small is handled ahead of its turn: once, and without the crowd's
standing still."""

from collections.abc import AsyncIterator, Callable

import pytest

from listener.database.connection import Connection, tune
from listener.database.executors import Executors
from listener.instruments.instruments import Instruments
from listener.logs import configure
from listener.reactions.batch_size import BatchSizes
from listener.reactions.runner import Reactions
from tests.conftest import Database
from tests.support import campus
from tests.support.connecting import connect
from tests.support.explaining import person
from tests.support.feed_history import REACTION, TABLE
from tests.support.process import listener

SIZE = 100
"""Of a batch: the crowd's, and of a note of an import."""
CROWD = 20 * SIZE

IMPORT = f"insert into profiles (role, full_name) select 'student', 'crowd' from generate_series(1, {CROWD})"
SIGN_UP = "insert into profiles (role, full_name) values ('student', 'fresh') returning id"
ENROLLED = """
select count(*) from enrollments join profiles on profiles.id = enrollments.user_id where profiles.full_name = $1
"""
COURSE = "insert into courses (title, price) values ($1, $2) returning id"
NOTES_ONCE = """
select
    (select sum(changes) from listener.checkpoint where consumer = $1)
    = (select count(*) from listener.change) - (select count(*) from listener.unhandled($1))
"""
EXACT = """
select bool_and(
    live.active_enrollments = (
        select count(*) from enrollments where enrollments.course_id = live.id and status = 'active'
    )
)
from listener.course_live_count as live
"""
AHEAD = "select count(*) from listener.ahead"


@pytest.fixture
def reactions(daemon: Connection) -> Reactions:
    """Such as a leader's, to be run round by round."""
    return leader(daemon)


def leader(session: Connection) -> Reactions:
    instruments = Instruments.of_daemon(1.0, configure("error", "json"))
    return Reactions(Executors.alike(session), instruments, BatchSizes(SIZE))


async def round_of(reactions: Reactions) -> bool:
    reactions.news()
    return await reactions.run_due()


async def to_the_end(reactions: Reactions, connection: Connection, consumer: str = "enroll") -> int:
    """How many rounds there were, until nothing is left and nothing is ahead."""
    for rounds in range(10 * CROWD):
        await round_of(reactions)
        left = await connection.fetchval("select count(*) from listener.unhandled($1, 1)", consumer)
        if left == 0 and await connection.fetchval(AHEAD) == 0:
            return rounds
    raise AssertionError("it never ends")


async def test_who_signs_up_behind_an_import_is_enrolled_in_the_next_round_and_once(
    connection: Connection, reactions: Reactions
) -> None:
    await connection.execute(COURSE.removesuffix("returning id"), "a", 1)
    await connection.execute(IMPORT)
    await connection.execute(SIGN_UP)
    for fresh in range(1, 6):
        await round_of(reactions)
        assert await connection.fetchval(ENROLLED, "fresh") == fresh
        assert await connection.fetchval(ENROLLED, "crowd") < CROWD
        assert await connection.fetchval(NOTES_ONCE, "enroll")
        await connection.execute(SIGN_UP)
    await to_the_end(reactions, connection)

    assert await connection.fetchval(ENROLLED, "crowd") == CROWD
    assert await connection.fetchval(ENROLLED, "fresh") == 6
    assert await connection.fetchval(NOTES_ONCE, "enroll")
    (measured,) = reactions._instruments.metrics.reaction_seconds.collect()
    everybody = [sample.value for sample in measured.samples if sample.labels.get("le") == "+Inf"]
    assert everybody == [CROWD + 6], "each is measured once: not with the crowd's age, too"


async def test_the_crowd_goes_on_by_a_batch_a_round_however_many_are_fresh(
    connection: Connection, reactions: Reactions
) -> None:
    await connection.execute(COURSE.removesuffix("returning id"), "a", 1)
    await connection.execute(IMPORT)
    await round_of(reactions)
    before = await connection.fetchval(ENROLLED, "crowd")
    for _ in range(4):
        for _ in range(20):
            await connection.execute(SIGN_UP)
        await round_of(reactions)
        now = await connection.fetchval(ENROLLED, "crowd")
        assert now >= before + SIZE
        before = now


async def test_a_restart_knows_what_was_ahead(connection: Connection, database: Database) -> None:
    await connection.execute(COURSE.removesuffix("returning id"), "a", 1)
    await connection.execute(IMPORT)
    for fresh in range(1, 4):
        await connection.execute(SIGN_UP)
        session = await connect(database.url)
        await tune(session)
        await round_of(leader(session))
        assert await connection.fetchval(ENROLLED, "fresh") == fresh
        assert await connection.fetchval(f"{AHEAD} where consumer = 'enroll'") == fresh
        assert await connection.fetchval(NOTES_ONCE, "enroll")
        session.terminate()


async def test_a_count_moves_ahead_of_a_backlog_of_counts_and_is_exact_all_the_while(
    connection: Connection, reactions: Reactions
) -> None:
    """Where nobody is enrolled by the listener, so that nothing else is due."""
    one, other = [await connection.fetchval(COURSE, title, 1) for title in "ab"]
    await connection.execute(f"insert into profiles (role) select 'teacher' from generate_series(1, {CROWD} + 3)")
    everybody = [row["id"] for row in await connection.fetch("select id from profiles")]
    await to_the_end(reactions, connection, "count")
    enroll = "insert into enrollments (user_id, course_id) values ($1, $2)"
    for each in everybody[3:]:
        await connection.execute(enroll, each, one)
    moved = "select enrollments from courses where id = $1"
    for fresh, each in enumerate(everybody[:3], 1):
        reactions.behind(["count"])
        reactions._counting.last_at = float("-inf")
        await connection.execute(enroll, each, other)
        await round_of(reactions)
        assert await connection.fetchval(moved, other) == fresh
        assert await connection.fetchval(moved, one) < CROWD
        assert await connection.fetchval(EXACT)
    reactions.behind(["count"])
    await to_the_end(reactions, connection, "count")
    assert await connection.fetchval(moved, one) == CROWD
    assert await connection.fetchval(moved, other) == 3
    assert await connection.fetchval(NOTES_ONCE, "count")


async def test_a_reaction_of_ones_own_sees_each_note_once(connection: Connection, reactions: Reactions) -> None:
    await connection.execute(TABLE)
    await connection.execute(
        "insert into listener.checkpoint (consumer, seq, handled) values ('test', 0, pg_current_snapshot())"
    )
    reactions.learn({"test": REACTION})
    await connection.execute(IMPORT.replace(f"{CROWD}", f"{CROWD} * 10"))
    for _ in range(3):
        await connection.execute(SIGN_UP)
        await round_of(reactions)
    newest = "select id in (select note from applied) from listener.change where profile_ids is not null"
    assert await connection.fetchval(f"{newest} order by xid desc limit 1"), "the last sign-up"
    assert not await connection.fetchval(f"{newest} order by xid, id desc limit 1"), "the last of the import"
    await to_the_end(reactions, connection, "test")
    notes = "select array(select {} from {} order by 1)"
    seen = await connection.fetchval(notes.format("note", "applied"))
    assert seen == await connection.fetchval(notes.format("id", "listener.change"))


async def test_who_leaves_behind_a_crowd_leaves_ahead_of_it(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    async with campus.school(database, **campus.SUSPEND) as connection:
        session = await connect(database.url)
        await tune(session)
        reactions = leader(session)
        await campus.course(connection, "gold")
        student = await person(connection, "guest")
        await connection.execute("insert into payments (profile_id, plan) values ($1, 'gold')", student)
        await to_the_end(reactions, connection)
        await connection.execute(
            f"with crowd as (insert into profiles (role) select 'guest' from generate_series(1, {CROWD}) returning id)"
            " insert into payments (profile_id, plan) select id, 'gold' from crowd"
        )
        await connection.execute("update payments set plan = 'none' where profile_id = $1", student)
        await round_of(reactions)
        status = "select status <> 'active' from enrollments where user_id = $1"
        assert await connection.fetchval(status, student)
        assert await connection.fetchval("select count(*) from enrollments") <= CROWD / 2
        session.terminate()


async def test_who_is_refused_is_set_aside_and_holds_up_nobody(connection: Connection, reactions: Reactions) -> None:
    await connection.execute(COURSE.removesuffix("returning id"), "a", 1)
    await connection.execute(
        "create function refuse() returns trigger language plpgsql as $$begin"
        " if exists (select from profiles where id = new.user_id and email = 'refused') then raise exception 'no';"
        " end if; return new; end$$;"
        "create trigger refuse before insert on enrollments for each row execute function refuse()"
    )
    await connection.execute(IMPORT)
    await round_of(reactions)
    await connection.execute("insert into profiles (role, email) values ('student', 'refused')")
    await connection.execute(SIGN_UP)
    await round_of(reactions)
    assert await connection.fetchval(ENROLLED, "fresh") == 1
    assert await connection.fetchval("select array_agg(error) from listener.pending_enrollment") == ["P0001: no"]
    assert await connection.fetchval(NOTES_ONCE, "enroll")


async def test_while_students_are_treated_one_by_one_somebody_fresh_is_too(
    connection: Connection, reactions: Reactions
) -> None:
    await connection.execute(COURSE.removesuffix("returning id"), "a", 1)
    await connection.execute(IMPORT)
    reactions._enrolling._careful_until = float("inf")
    await round_of(reactions)
    await connection.execute(SIGN_UP)
    await round_of(reactions)
    assert await connection.fetchval(ENROLLED, "fresh") == 1


async def test_a_pause_is_for_those_who_are_fresh_too(connection: Connection, daemon: Connection) -> None:
    await connection.execute(COURSE.removesuffix("returning id"), "a", 1)
    await connection.execute(IMPORT)
    await connection.execute(SIGN_UP)
    await connection.execute("select listener.pause('enroll', null)")
    assert await daemon.fetchval("select changes from listener.enroll(500, fresh => true)") == 0
    assert await connection.fetchval(AHEAD) == 0


@pytest.mark.parametrize("profiles", [8, 9])
async def test_a_transaction_of_few_profiles_is_taken_as_a_whole(
    connection: Connection, daemon: Connection, profiles: int
) -> None:
    await connection.execute(COURSE.removesuffix("returning id"), "a", 1)
    async with connection.transaction():
        for _ in range(profiles):
            await connection.execute(SIGN_UP)
    taken = await daemon.fetchval("select changes from listener.enroll(500, fresh => true)")
    assert taken == (profiles if profiles == 8 else 0)


async def test_nobody_overtakes_those_who_wait_for_a_seat(make_database: Callable[..., Database]) -> None:
    database = make_database(empty=True)
    database.server.psql(
        database.name,
        """
        create table profiles (id bigint generated always as identity primary key, role text default 'student');
        create table courses (
            id bigint generated always as identity primary key, title text, seats integer, enrollments integer default 0
        );
        create table enrollments (
            id bigint generated always as identity primary key,
            profile_id bigint references profiles, course_id bigint references courses, unique (profile_id, course_id)
        );
        """,
    )
    query = "select profiles.id, courses.id from profiles cross join courses where profiles.role = 'student'"
    listener(database.url, "install", wanted_query=query, course_seats="seats")
    database.server.psql(database.name, "insert into courses (title, seats) values ('a', 10)")
    database.server.psql(database.name, "insert into profiles (role) values ('student')")
    taken = "select changes from listener.enroll(500, fresh => true)"
    assert database.server.psql(database.name, taken).strip() == "0"


async def test_a_step_lets_somebody_fresh_pass_too(connection: Connection) -> None:
    await connection.execute(COURSE.removesuffix("returning id"), "a", 1)
    await connection.execute(IMPORT)
    await connection.execute(SIGN_UP)
    await connection.fetch("select * from listener.step(100)")
    assert await connection.fetchval(ENROLLED, "fresh") == 1
    assert await connection.fetchval(ENROLLED, "crowd") < CROWD


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Connection]:
    connection = await connect(database.url)
    yield connection
    connection.terminate()


async def test_what_is_still_open_is_taken_once_it_is_committed(
    connection: Connection, other: Connection, reactions: Reactions
) -> None:
    await connection.execute(COURSE.removesuffix("returning id"), "a", 1)
    await connection.execute(IMPORT)
    await round_of(reactions)
    async with other.transaction():
        await other.execute(SIGN_UP)
        await connection.execute(SIGN_UP)
        await round_of(reactions)
        assert await connection.fetchval(ENROLLED, "fresh") == 1
        await other.execute(SIGN_UP)
    await round_of(reactions)
    assert await connection.fetchval(ENROLLED, "fresh") == 3
