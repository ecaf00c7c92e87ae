"""A query says who should be where: who joins, leaves and comes back, and what the listener keeps its hands off."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

import anyio
import asyncpg
import pytest

from listener.adapter import install
from listener.adapter.discovery import discover
from listener.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.postgres import Server
from tests.support.process import DaemonProcess
from tests.support.wanted import tables, verdict

LEAVING = ("suspend", "remove")
SETTINGS: dict[str, object] = {"heartbeat_seconds": 0.5, "audit_seconds": 3600}

STATUS = "select string_agg(status, ' ' order by id) from enrollments where profile_id = $1 and course_id = $2"
ENROLLED = "select array_agg(course_id order by course_id) from enrollments where profile_id = $1 and status = 'active'"
WAITING = "select reason from listener.pending_enrollment where profile_id = $1"


@dataclass
class School:
    """A school with a daemon at work, and the connection of an application. Each test has people of its own."""

    app: Connection
    on_leave: str

    async def profile(self) -> int:
        """Somebody new."""
        return int(await self.app.fetchval("insert into profiles default values returning id"))

    async def course(self, plan: str = "none") -> int:
        """A new course."""
        return int(await self.app.fetchval("insert into courses (plan) values ($1) returning id", plan))

    async def organisation(self) -> tuple[int, int]:
        """A new organisation, and its course."""
        course = await self.course()
        made = await self.app.fetchval("insert into organisations (course_id) values ($1) returning id", course)
        return int(made), course

    async def joins(self, profile: int, organisation: int) -> None:
        """It gets a member."""
        await self.app.execute(
            "insert into memberships (profile_id, organisation_id) values ($1, $2)", profile, organisation
        )

    async def leaves(self, profile: int) -> None:
        """All organisations are left."""
        await self.app.execute("delete from memberships where profile_id = $1", profile)

    async def member(self) -> tuple[int, int, int]:
        """(profile, organisation, course) of somebody whom the listener has enrolled."""
        profile, (organisation, course) = await self.profile(), await self.organisation()
        await self.joins(profile, organisation)
        await self.has(profile, course, "active")
        return profile, organisation, course

    async def has(self, profile: int, course: int, status: str | None) -> None:
        """Wait until that is the status of the profile's enrollment; None: until there is none."""
        await eventually(self.app, STATUS, profile, course, equals=status)

    async def has_left(self, profile: int, course: int) -> None:
        """Wait until what was made for it is taken back."""
        await self.has(profile, course, "inactive" if self.on_leave == "suspend" else None)

    async def settled(self) -> None:
        """Wait until nothing is on its way; then nobody is astray, and all counts are exact."""
        await verdict.settled(self.app)
        assert [tuple(row) for row in await self.app.fetch("select * from listener.astray()")] == []
        assert await self.app.fetch(verdict.WRONG_COUNTS) == []


Attend = Callable[..., Awaitable[School]]


async def installed(url: str, schema: str, query: str, on_leave: str, **settings: str) -> Connection:
    """A connection to a school whose tables were made, and the listener installed."""
    app: Connection = await asyncpg.connect(url)
    await app.execute(schema)
    asked = {**tables.settings("organisation", on_leave), "wanted_query": query, **settings}
    await app.execute(install.script(await discover(app, asked)))
    return app


@pytest.fixture(scope="module")
def at_work(
    servers: Callable[[int], Server], postgres_version: int
) -> Iterator[Callable[[str], tuple[Database, DaemonProcess]]]:
    """The school of each way to leave, with its daemon, made when it is first asked for."""
    made: dict[str, tuple[Database, DaemonProcess]] = {}

    async def make(url: str, on_leave: str) -> None:
        app = await installed(url, tables.TABLES + tables.NOT_UNIQUE, tables.ORGANISATION, on_leave)
        await app.close()

    def get(on_leave: str) -> tuple[Database, DaemonProcess]:
        if on_leave not in made:
            database = Database(servers(postgres_version), f"wanted_{on_leave}")
            database.server.psql("postgres", f"create database {database.name}")
            anyio.run(make, database.url, on_leave)
            made[on_leave] = database, DaemonProcess(database.url, dict(SETTINGS), cold=False).wait_ready("leading")
        return made[on_leave]

    yield get
    for database, daemon in made.values():
        daemon.clean_up()
        database.server.psql("postgres", f"drop database {database.name} with (force)")


@pytest.fixture(params=["keep", *LEAVING])
def on_leave(request: pytest.FixtureRequest) -> str:
    """What becomes of those who leave."""
    return str(request.param)


@pytest.fixture
def shared(at_work: Callable[[str], tuple[Database, DaemonProcess]], on_leave: str) -> str:
    """The address of the school that has it."""
    return at_work(on_leave)[0].url


@pytest.fixture
async def school(shared: str, on_leave: str) -> AsyncIterator[School]:
    """A course per organisation; nothing forbids two enrollments of a profile in a course."""
    app: Connection = await asyncpg.connect(shared)
    yield School(app, on_leave)
    app.terminate()


@pytest.fixture
async def attend(
    make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess]
) -> AsyncIterator[Attend]:
    """Makes schools with a rule of their own: `await attend(query, "keep")`."""
    apps: list[Connection] = []

    async def make(query: str, on_leave: str = "keep", more: str = "", **settings: str) -> School:
        database = make_database(empty=True)
        apps.append(await installed(database.url, tables.TABLES + more, query, on_leave, **settings))
        start_daemon(database, **SETTINGS).wait_ready("leading")
        return School(apps[-1], on_leave)

    yield make
    for app in apps:
        app.terminate()


leaving_only = pytest.mark.parametrize("on_leave", LEAVING, indirect=True)


async def test_who_is_wanted_is_enrolled_once_and_counted(school: School) -> None:
    profile, organisation, course = await school.member()
    await school.joins(profile, organisation)
    await school.settled()
    assert await school.app.fetchval(STATUS, profile, course) == "active"
    assert await school.app.fetchval("select enrollments from courses where id = $1", course) == 1


async def test_who_is_wanted_no_more_stays_or_leaves_as_was_said(school: School) -> None:
    profile, _, course = await school.member()
    await school.leaves(profile)
    await school.settled()
    left = {"keep": "active", "suspend": "inactive", "remove": None}[school.on_leave]
    assert await school.app.fetchval(STATUS, profile, course) == left


async def test_who_comes_back_is_active_again(school: School) -> None:
    profile, organisation, course = await school.member()
    await school.leaves(profile)
    await school.settled()
    await school.joins(profile, organisation)
    await school.has(profile, course, "active")
    await school.settled()


@leaving_only
async def test_who_was_removed_by_hand_is_not_put_back(school: School) -> None:
    profile, organisation, course = await school.member()
    await school.app.execute("delete from enrollments where profile_id = $1", profile)
    await school.joins(profile, organisation)
    await school.settled()
    assert await school.app.fetchval(STATUS, profile, course) is None


@pytest.mark.parametrize("status", ["completed", "inactive"])
async def test_what_somebody_has_decided_about_an_enrollment_stays(school: School, status: str) -> None:
    profile, organisation, course = await school.member()
    await school.app.execute("update enrollments set status = $2 where profile_id = $1", profile, status)
    await school.leaves(profile)
    await school.settled()
    await school.joins(profile, organisation)
    await school.settled()
    assert await school.app.fetchval(STATUS, profile, course) == status


async def test_what_the_application_enrolled_is_never_taken_back(school: School) -> None:
    profile, (organisation, course) = await school.profile(), await school.organisation()
    await school.app.execute("insert into enrollments (profile_id, course_id) values ($1, $2)", profile, course)
    await school.joins(profile, organisation)
    await school.settled()
    await school.leaves(profile)
    await school.settled()
    assert await school.app.fetchval(STATUS, profile, course) == "active"


@leaving_only
async def test_what_somebody_made_anew_in_place_of_what_the_listener_had_made_is_theirs(school: School) -> None:
    profile, _, course = await school.member()
    async with school.app.transaction():
        await school.app.execute("delete from enrollments where profile_id = $1", profile)
        await school.app.execute("insert into enrollments (profile_id, course_id) values ($1, $2)", profile, course)
    await school.leaves(profile)
    await school.settled()
    assert await school.app.fetchval(STATUS, profile, course) == "active"


@leaving_only
async def test_of_two_enrollments_only_the_one_that_was_made_is_taken_back(school: School) -> None:
    profile, _, course = await school.member()
    await school.app.execute("insert into enrollments (profile_id, course_id) values ($1, $2)", profile, course)
    await school.leaves(profile)
    await school.settled()
    left = {"suspend": "inactive active", "remove": "active"}[school.on_leave]
    assert await school.app.fetchval(STATUS, profile, course) == left


@leaving_only
async def test_an_enrollment_that_was_suspended_by_hand_after_it_was_suspended_and_removed_is_theirs(
    school: School,
) -> None:
    profile, organisation, course = await school.member()
    await school.leaves(profile)
    await school.has_left(profile, course)
    await school.app.execute("delete from enrollments where profile_id = $1", profile)
    insert = "insert into enrollments (profile_id, course_id, status) values ($1, $2, 'inactive')"
    await school.app.execute(insert, profile, course)
    await school.joins(profile, organisation)
    await school.settled()
    assert await school.app.fetchval(STATUS, profile, course) == "inactive"


@leaving_only
async def test_somebody_else_under_the_key_of_a_profile_that_is_gone_is_enrolled(school: School) -> None:
    profile, organisation, course = await school.member()
    async with school.app.transaction():
        await school.app.execute("delete from profiles where id = $1", profile)
        await school.app.execute("insert into profiles (id) values ($1)", profile)
        await school.joins(profile, organisation)
    await school.has(profile, course, "active")
    await school.settled()


@leaving_only
async def test_another_course_under_the_key_of_one_that_is_gone_is_attended(school: School) -> None:
    profile, organisation, course = await school.member()
    async with school.app.transaction():
        await school.app.execute("delete from courses where id = $1", course)
        await school.app.execute("insert into courses (id) values ($1)", course)
        await school.app.execute("update organisations set course_id = $2 where id = $1", organisation, course)
    await school.has(profile, course, "active")
    await school.settled()


@leaving_only
async def test_what_was_made_is_known_under_the_other_keys_of_profile_and_course(school: School) -> None:
    profile, _, course = await school.member()
    await school.app.execute("update profiles set id = 1000000 + id where id = $1", profile)
    await school.app.execute("update courses set id = 1000000 + id where id = $1", course)
    await school.settled()
    await school.leaves(1000000 + profile)
    await school.has_left(1000000 + profile, 1000000 + course)
    await school.settled()


@pytest.mark.parametrize(
    ("migration", "left"),
    [("alter table enrollments rename id to number", 0), ("alter table enrollments drop column id", 1)],
)
async def test_what_was_made_is_known_after_the_rows_key_is_renamed_and_nobodys_once_it_is_gone(
    attend: Attend, migration: str, left: int
) -> None:
    school = await attend(tables.ORGANISATION, "remove")
    profile, organisation, course = await school.member()
    await school.app.execute(migration)
    other = await school.profile()
    await school.joins(other, organisation)
    await eventually(school.app, ENROLLED, other, equals=[course])
    await school.leaves(profile)
    await verdict.settled(school.app)
    assert await school.app.fetchval("select count(*) from enrollments where profile_id = $1", profile) == left
    assert await school.app.fetch("select * from listener.astray()") == []


@pytest.mark.parametrize("on_leave", LEAVING)
async def test_what_was_made_for_a_profile_that_is_gone_is_taken_back_where_no_foreign_key_does(
    attend: Attend, on_leave: str
) -> None:
    more = "alter table enrollments drop constraint enrollments_profile_id_fkey;"
    school = await attend(tables.ORGANISATION, on_leave, more=more)
    profile, organisation, course = await school.member()
    await school.app.execute("delete from profiles where id = $1", profile)
    await school.has_left(profile, course)
    await school.app.execute("insert into profiles (id) values ($1)", profile)
    await school.joins(profile, organisation)
    await school.has(profile, course, "active")
    await school.settled()


@leaving_only
@pytest.mark.parametrize("table", ["memberships", "organisations cascade"])
async def test_when_a_table_is_emptied_all_leave(school: School, table: str) -> None:
    profile, _, course = await school.member()
    await school.app.execute(f"truncate {table}")
    await school.has_left(profile, course)
    await school.settled()


@leaving_only
async def test_profiles_that_are_read_in_anew_as_a_whole_are_enrolled(school: School) -> None:
    profile, organisation, course = await school.member()
    async with school.app.transaction():
        await school.app.execute("truncate profiles cascade")
        await school.app.execute("insert into profiles (id) values ($1)", profile)
        await school.joins(profile, organisation)
    await school.has(profile, course, "active")
    await school.settled()


@pytest.mark.parametrize("first", ["the member", "the course"])
async def test_of_two_transactions_that_each_see_half_the_later_one_is_heeded(
    school: School, shared: str, first: str
) -> None:
    profile, (organisation, course) = await school.profile(), await school.organisation()
    await school.app.execute("update organisations set course_id = null where id = $1", organisation)
    one, other = await asyncpg.connect(shared), await asyncpg.connect(shared)
    try:
        await one.execute(
            f"begin; insert into memberships (profile_id, organisation_id) values ({profile}, {organisation})"
        )
        await other.execute(f"begin; update organisations set course_id = {course} where id = {organisation}")
        for session in (one, other) if first == "the member" else (other, one):
            await session.execute("commit")
            await verdict.settled(school.app)
    finally:
        one.terminate()
        other.terminate()
    assert await school.app.fetchval(STATUS, profile, course) == "active"
    await school.settled()


async def test_one_whom_the_lms_refuses_waits_and_the_others_go_on(school: School) -> None:
    refused, other, (organisation, course) = (
        await school.profile(),
        await school.profile(),
        await school.organisation(),
    )
    await school.app.execute(
        f"create function refuse_{refused}() returns trigger language plpgsql as $$ begin"
        f" if new.profile_id = {refused} then raise 'not her'; end if; return new; end $$;"
        f" create trigger refuse_{refused} before insert on enrollments"
        f" for each row execute function refuse_{refused}()"
    )
    insert = "insert into memberships (profile_id, organisation_id) select unnest($1::bigint[]), $2"
    await school.app.execute(insert, [refused, other], organisation)
    await school.has(other, course, "active")
    await eventually(school.app, WAITING, refused, equals="failed")
    assert "not her" in await school.app.fetchval("select error from listener.pending_enrollment")
    await school.app.execute(f"drop trigger refuse_{refused} on enrollments")
    await school.has(refused, course, "active")
    await school.settled()


async def test_who_is_wanted_in_a_course_that_somebody_holds_waits_and_is_enrolled_in_others(
    school: School, shared: str
) -> None:
    profile, (held, held_course), (free, free_course) = (
        await school.profile(),
        await school.organisation(),
        await school.organisation(),
    )
    holder = await asyncpg.connect(shared)
    try:
        await holder.execute(f"begin; select from courses where id = {held_course} for update")
        insert = "insert into memberships (profile_id, organisation_id) select $1, unnest($2::bigint[])"
        await school.app.execute(insert, profile, [held, free])
        await school.has(profile, free_course, "active")
        await eventually(school.app, WAITING, profile, equals="course_locked")
    finally:
        holder.terminate()
    await school.has(profile, held_course, "active")
    await school.settled()


async def test_who_is_wanted_in_a_course_that_is_not_there_waits_and_says_so(attend: Attend) -> None:
    more = """
    create table seats (profile_id bigint references profiles, course_no bigint);
    create index on seats (profile_id);
    """
    school = await attend("select profile_id, course_no from seats", more=more)
    profile, course = await school.profile(), await school.course()
    insert = "insert into seats (profile_id, course_no) values ($1, $2)"
    await school.app.execute(insert, profile, 999)
    await eventually(school.app, WAITING, profile, equals="failed")
    assert await school.app.fetchval("select error from listener.pending_enrollment") == "there is no course 999"
    await school.app.execute(insert, profile, course)
    await school.has(profile, course, "active")
    await school.app.execute("delete from seats where course_no = 999")
    await school.settled()


async def test_nothing_is_written_where_it_only_looks_on(attend: Attend) -> None:
    school = await attend(tables.ORGANISATION, "suspend", actions="observe")
    profile, (organisation, course) = await school.profile(), await school.organisation()
    await school.app.execute("insert into enrollments (profile_id, course_id) values ($1, $2)", profile, course)
    other, (elsewhere, _) = await school.profile(), await school.organisation()
    await school.joins(other, organisation)
    await school.joins(profile, elsewhere)
    await school.leaves(profile)
    await verdict.settled(school.app)
    assert await school.app.fetchval("select count(*) from enrollments where status = 'active'") == 1
    assert await school.app.fetchval("select count(*) from listener.made_enrollment") == 0


async def test_rows_that_lead_to_profiles_in_several_steps_are_heeded(attend: Attend) -> None:
    school = await attend(tables.COHORT, "remove")
    profile, course, other = await school.profile(), await school.course(), await school.course()
    await school.app.execute(
        "insert into cohorts (id, course_id, is_open) values (1, $1, false), (2, $2, true)", course, other
    )
    await school.app.execute("insert into groups (id, cohort_id) values (1, null)")
    await school.app.execute("insert into members (profile_id, group_id) values ($1, 1)", profile)
    for statement, courses in (
        ("update groups set cohort_id = 1", None),
        ("update cohorts set is_open = true where id = 1", [course]),
        ("update groups set cohort_id = 2", [other]),
        ("delete from cohorts where id = 2", None),
        ("insert into cohorts (id, course_id) values (3, {course}); update groups set cohort_id = 3", [course]),
        ("update cohorts set id = 4 where id = 3", [course]),
        ("update cohorts set course_id = {other}", [other]),
        ("delete from groups", None),
    ):
        await school.app.execute(statement.format(course=course, other=other))
        await eventually(school.app, ENROLLED, profile, equals=courses)
    await school.settled()


async def test_a_course_that_concerns_everyone_is_attended_by_everyone(attend: Attend) -> None:
    school = await attend(tables.EVERYONE, "suspend")
    await school.app.execute("insert into profiles (role) select 'student' from generate_series(1, 350)")
    first, second = await school.course("free"), await school.course("free")
    active = "select enrollments from courses where id = $1"
    for course in (first, second):
        await eventually(school.app, active, course, equals=350)
    await school.app.execute("update courses set published = false where id = $1", first)
    await eventually(school.app, active, first, equals=0)
    await school.app.execute("update courses set published = true where id = $1", first)
    await eventually(school.app, active, first, equals=350)
    await school.settled()


async def test_a_table_in_partitions_is_heeded(attend: Attend) -> None:
    more = """
    drop table payments;
    create table payments (profile_id bigint references profiles, plan text, paid boolean default true)
    partition by list (plan);
    create table gold_payments partition of payments for values in ('gold');
    create table other_payments partition of payments default;
    create index on payments (profile_id);
    """
    school = await attend(tables.PAID, "remove", more=more)
    profile, gold, silver = await school.profile(), await school.course("gold"), await school.course("silver")
    for statement, courses in (
        (f"insert into payments (profile_id, plan) values ({profile}, 'gold')", [gold]),
        ("update payments set plan = 'silver'", [silver]),
        ("update payments set paid = false", None),
        ("update payments set plan = 'gold', paid = true", [gold]),
        ("delete from payments", None),
        (f"insert into gold_payments (profile_id, plan) values ({profile}, 'gold')", [gold]),
        ("truncate payments", None),
    ):
        await school.app.execute(statement)
        await eventually(school.app, ENROLLED, profile, equals=courses)
    await school.settled()
