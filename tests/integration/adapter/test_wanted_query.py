"""A query of who should be where that cannot be used is refused in one line, which says what to do instead."""

from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from listener.adapter import install
from listener.adapter.mapping import Hop, Mapping, Route, Table
from listener.connection import Connection
from listener.errors import ListenerError
from tests.conftest import Database
from tests.support.process import listener

SCHOOL = """
create table organisations (id bigint primary key, plan text not null default 'free');
create table profiles (
    id bigint primary key generated always as identity,
    role text not null default 'student',
    person_no text unique,
    organisation_id bigint references organisations
);
create index on profiles (organisation_id);
create table courses (
    id bigint primary key generated always as identity,
    title text,
    plan text not null default 'free',
    published boolean not null default true,
    enrollments integer not null default 0
);
create table enrollments (
    profile_id bigint references profiles on delete cascade,
    course_id bigint references courses,
    status text not null default 'active' check (status in ('active', 'inactive', 'completed')),
    primary key (profile_id, course_id)
);
create table payments (id bigint primary key generated always as identity, person_no text, paid boolean not null);
create index on payments (person_no);
create table waivers (profile_id bigint references profiles, course_id bigint references courses);
create table holidays (day date primary key);
create function is_paid(person text) returns boolean language sql stable as $$
    select exists (select from payments where payments.person_no = person and payments.paid)
$$;
create materialized view abroad as select id as profile_id from profiles;
create unique index on abroad (profile_id);
"""

PAID = """
select profiles.id, courses.id
from profiles
inner join payments on payments.person_no = profiles.person_no and payments.paid
cross join courses
"""

EVERYONE = "select profiles.id, courses.id from profiles cross join courses"

REFUSED = {
    "not SQL at all": ("everyone in all courses", "is not understood: "),
    "two statements": (f"{EVERYONE}; select 1, 2", "is not understood: "),
    "a table that is not there": ("select id, id from pupils", 'relation "pupils" does not exist'),
    "one column": ("select id from profiles", "must have two columns, the keys of a profile and of a course"),
    "three columns": (
        "select profiles.id, courses.id, 1 from profiles cross join courses",
        "must have two columns, the keys of a profile and of a course, not 3",
    ),
    "a course of another type": (
        "select profiles.id, courses.title from profiles cross join courses",
        "must have the key of a course, of type bigint, not text",
    ),
    "a profile of another type": (
        "select profiles.person_no, courses.id from profiles cross join courses",
        "must have the key of a profile, of type bigint, not text",
    ),
    "volatile": (f"{EVERYONE} where random() < 0.5", "calls random(), which is volatile"),
    "volatile, of the clock": (
        f"{EVERYONE} where clock_timestamp() > '2026-01-01'",
        "calls clock_timestamp(), which is",
    ),
    "an operator that writes": (
        "with gone as (delete from enrollments returning profile_id, course_id) select profile_id, course_id from gone",
        "is not understood: ",
    ),
    "no query": ("delete from profiles returning id, id", "is not understood: "),
    "locks rows": (f"{EVERYONE} for update of profiles", "locks rows (FOR UPDATE or FOR SHARE)"),
    "locks rows below": (
        "select one.id, courses.id from (select id from profiles for share) as one cross join courses",
        "locks rows (FOR UPDATE or FOR SHARE)",
    ),
    "Postgres's own tables": (
        "select oid::bigint, courses.id from pg_class cross join courses",
        "reads pg_catalog.pg_class, which is no table of the LMS's",
    ),
}


@pytest.fixture
async def school(make_database: Callable[..., Database]) -> AsyncIterator[Connection]:
    database = make_database(empty=True)
    database.server.psql(database.name, SCHOOL)
    connection: Connection = await asyncpg.connect(database.url)
    yield connection
    connection.terminate()


async def refusal(connection: Connection, query: str, **settings: str) -> str:
    """What install says about a query: one line, and nothing is changed."""
    with pytest.raises(ListenerError) as caught:
        await install.plan(connection, {"wanted_query": query, **settings})
    assert not connection.is_in_transaction()
    assert await connection.fetchval("select to_regnamespace('listener') is null")
    assert caught.value.exit_status == 2
    said = str(caught.value)
    assert "\n" not in said
    return said


async def planned(connection: Connection, query: str, **settings: str) -> Mapping:
    """What would be installed for a query."""
    return (await install.plan(connection, {"wanted_query": query, **settings})).mapping


def routes(mapping: Mapping, table: str) -> tuple[Route, ...]:
    """How a changed row of a table leads to profiles."""
    return next(each.routes for each in mapping.watched if each.table.name == table)


@pytest.mark.parametrize("mistake", REFUSED)
async def test_what_is_no_query_of_profiles_and_courses_is_one_line(school: Connection, mistake: str) -> None:
    query, words = REFUSED[mistake]
    said = await refusal(school, query)
    assert said.startswith("LISTENER_WANTED_QUERY: ")
    assert words in said


async def test_what_is_ours_is_not_read(school: Connection) -> None:
    await install.install(school, await install.plan(school, {"student_predicate": "true"}))
    for source in ("listener.checkpoint where consumer is not null", "listener.students('{}') as student(id)"):
        query = f"select profiles.id, 1::bigint from profiles where exists (select from {source})"
        with pytest.raises(ListenerError) as caught:
            await install.plan(school, {"wanted_query": query})
        assert "of the LMS's" in str(caught.value), source


async def test_a_table_that_leads_nowhere_is_named_with_the_setting_and_each_form_of_it_mends_that(
    school: Connection,
) -> None:
    assert await refusal(school, PAID) == (
        "LISTENER_WANTED_QUERY cannot be watched: nothing says which profiles a row of public.payments is about. Set "
        "LISTENER_WATCH=public.payments(COLUMN), the column that holds a profile's key; public.payments(everyone); or "
        "public.payments(audit)."
    )
    profiles = Table("public", "profiles")
    by_number = await planned(school, PAID, watch="payments(person_no=profiles.person_no)")
    assert routes(by_number, "payments") == (Route("person_no", (Hop(profiles, "person_no", "text", "id"),)),)
    everyone = await planned(school, PAID, watch="payments(everyone)")
    assert routes(everyone, "payments") == ()
    assert not everyone.is_looked_after
    audited = await planned(school, PAID, watch=" public.payments ( audit ) ; ")
    assert [each.table.name for each in audited.watched if each.audited] == ["payments"]
    assert audited.is_looked_after

    await school.execute("alter table payments add column whose bigint; create index on payments (whose)")
    by_column = PAID.replace("payments.person_no = profiles.person_no", "payments.whose = profiles.id")
    assert "nothing says which profiles" in await refusal(school, by_column)
    assert routes(await planned(school, by_column, watch="payments(whose)"), "payments") == (Route("whose"),)


async def test_a_foreign_key_needs_no_setting(school: Connection) -> None:
    await school.execute("alter table payments add foreign key (person_no) references profiles (person_no)")
    assert len(routes(await planned(school, PAID), "payments")) == 1


async def test_a_table_without_triggers_that_see_everything_is_left_to_the_audit_or_refused(school: Connection) -> None:
    query = f"{EVERYONE} where profiles.id in (select profile_id from abroad)"
    assert "LISTENER_WATCH=public.abroad(audit)" in await refusal(school, query)
    assert (await planned(school, query, watch="abroad(audit)")).is_looked_after
    await school.execute("create table old_payments () inherits (payments)")
    assert "LISTENER_WATCH=public.payments(audit)" in await refusal(school, PAID)


async def test_a_function_that_may_read_tables_is_named_with_the_setting(school: Connection) -> None:
    query = f"{EVERYONE} where is_paid(profiles.person_no)"
    said = await refusal(school, query)
    assert "public.is_paid(text) may read tables that are not seen" in said
    assert "LISTENER_WATCH=public.is_paid(audit)" in said
    for name in ("is_paid", "public.is_paid"):
        said = await refusal(school, query, watch=f"{name}(audit)")
        assert 'relation "payments" does not exist' in said
        assert said.endswith("names in the functions that it calls need their schema.")
    await school.execute("alter function is_paid set search_path = public")
    for name in ("is_paid", "public.is_paid"):
        assert (await planned(school, query, watch=f"{name}(audit)")).is_looked_after
    told = await planned(school, query, watch="payments(person_no=profiles.person_no)")
    assert not told.is_looked_after
    assert len(routes(told, "payments")) == 1
    await school.execute("alter function is_paid immutable")
    assert not (await planned(school, query)).is_looked_after


@pytest.mark.parametrize(
    ("given", "words"),
    {
        "fees(person_no)": "there is no table public.fees",
        "other.payments(person_no)": "there is no table other.payments",
        "payments(nobody)": "public.payments has no column nobody",
        "payments(person_no=people.person_no)": "there is no table public.people",
        "payments(person_no=profiles.number)": "public.profiles has no column number",
        "payments(person_no=profiles)": "there is no table public.",
        "payments": "'payments' is not table(column)",
        "payments(a, b)": "'payments(a, b)' is not table(column)",
    }.items(),
)
async def test_names_that_are_not_there_are_refused(school: Connection, given: str, words: str) -> None:
    said = await refusal(school, PAID, watch=given)
    assert said.startswith("LISTENER_WATCH: ")
    assert words in said


NOT_BY_KEY = {
    "LIMIT": "select id, course_id from (select id, 1::bigint as course_id from profiles limit 10) as first",
    "a window function": """
        select id, 1::bigint from (select id, row_number() over (order by id) as place from profiles) as ranked
        where place <= 10""",
    "an aggregate over everyone": """
        select id, 1::bigint from (select max(id) as id from profiles group by person_no) as newest""",
    "EXISTS or IN below OR": f"""{EVERYONE} where courses.published
        or exists (select from waivers where waivers.profile_id = profiles.id)""",
    "no index begins with profile_id": """
        select profiles.id, waivers.course_id from profiles inner join waivers on waivers.profile_id = profiles.id""",
    "or the query compares something else": "select id + 0, 1::bigint from profiles",
}


@pytest.mark.parametrize("part", NOT_BY_KEY)
async def test_what_keeps_it_from_being_asked_by_key_is_named(school: Connection, part: str) -> None:
    said = await refusal(school, NOT_BY_KEY[part])
    assert said.startswith("LISTENER_WANTED_QUERY cannot be asked about one profile without reading all of public.")
    assert part in said
    assert said.endswith("or set LISTENER_WANTED_PLAN=any.")
    assert (await planned(school, NOT_BY_KEY[part], wanted_plan="any")).wanted_query


async def test_a_step_of_a_route_needs_an_index(school: Connection) -> None:
    query = f"{EVERYONE} inner join organisations on organisations.id = profiles.organisation_id"
    assert (await planned(school, query)).wanted_query
    await school.execute("drop index profiles_organisation_id_idx")
    said = await refusal(school, query)
    assert "without reading all of public.profiles: no index begins with organisation_id" in said
    assert "by which rows of public.organisations lead to profiles" in said
    assert (await planned(school, query, wanted_plan="any")).wanted_query


async def test_what_it_says_to_write_in_place_of_exists_below_or_is_taken(school: Connection) -> None:
    await school.execute("create index on waivers (profile_id)")
    asked = "select true from waivers where waivers.profile_id = profiles.id limit 1"
    for query in (
        f"{EVERYONE} where courses.published or ({asked})",
        f"{EVERYONE} where (select count(*) from waivers where waivers.profile_id = profiles.id) > 1",
        f"{EVERYONE} where courses.published union {EVERYONE} where exists ({asked})",
    ):
        assert (await planned(school, query)).wanted_query


@pytest.mark.parametrize(
    "other",
    {
        "student_predicate": "true",
        "student_column": "role",
        "student_view": "select id from profiles",
        "default_course": "1",
        "default_course_view": "select 1::bigint",
        "publish_predicate": "published",
        "course_order": "id",
    }.items(),
    ids=lambda given: given[0],
)
async def test_one_thing_alone_says_who_should_be_where(school: Connection, other: tuple[str, str]) -> None:
    name, value = other
    said = await refusal(school, EVERYONE, **{name: value})
    assert said == f"LISTENER_WANTED_QUERY: says who should be where; so does LISTENER_{name.upper()}: unset one."


@pytest.mark.parametrize("name", ["watch", "wanted_plan", "on_leave", "inactive_value"])
async def test_what_goes_with_a_query_needs_one(school: Connection, name: str) -> None:
    with pytest.raises(ListenerError) as caught:
        await install.plan(school, {name: "any", "student_predicate": "true"})
    assert str(caught.value).startswith(f"LISTENER_{name.upper()}: needs LISTENER_WANTED_QUERY")


async def test_a_query_of_the_enrollments_that_it_makes_is_asked_about_where_they_are_taken_back(
    school: Connection,
) -> None:
    """Who drops out for being enrolled would be taken back, and enrolled again, without end."""
    query = f"{EVERYONE} where not exists (select from enrollments where enrollments.profile_id = profiles.id)"
    assert (await planned(school, query)).wanted_query
    with pytest.raises(ListenerError) as caught:
        await planned(school, query, on_leave="remove")
    assert str(caught.value).startswith("LISTENER_WANTED_QUERY: reads public.enrollments, which the listener writes")
    assert str(caught.value).endswith("LISTENER_WATCH=public.enrollments(profile_id).")
    assert (await planned(school, query, on_leave="remove", watch="enrollments(profile_id)")).on_leave == "remove"


async def test_leaving_by_a_status_says_which_status_means_that(school: Connection) -> None:
    said = await refusal(school, EVERYONE, on_leave="suspend")
    assert said == "LISTENER_INACTIVE_VALUE: must say what to write into status: it may be active, inactive, completed."
    for value, words in {
        "active": "active means an active enrollment; one of inactive, completed",
        "gone": "status may not be gone; one of inactive, completed",
    }.items():
        assert words in await refusal(school, EVERYONE, on_leave="suspend", inactive_value=value)
    mapping = await planned(school, EVERYONE, on_leave="suspend", inactive_value="inactive")
    assert (mapping.on_leave, mapping.inactive_value) == ("suspend", "inactive")
    said = await refusal(school, EVERYONE, on_leave="suspend", enrollment_status="none")
    assert said == "LISTENER_ON_LEAVE: suspend needs LISTENER_ENROLLMENT_STATUS, a column to write."


async def test_a_boolean_status_says_itself_what_leaving_is(school: Connection) -> None:
    await school.execute("alter table enrollments drop column status, add column active boolean not null default true")
    assert (await planned(school, EVERYONE, on_leave="suspend")).inactive_value == "false"


async def test_a_query_that_tells_the_time_is_looked_after(school: Connection) -> None:
    for clock in ("now()", "current_date", "current_timestamp", "localtimestamp", "statement_timestamp()"):
        query = f"{EVERYONE} inner join holidays on holidays.day <= {clock}"
        mapping = await planned(school, query, watch="holidays(everyone)")
        assert mapping.depends_on_time, clock
    assert not (await planned(school, EVERYONE)).depends_on_time


async def test_a_query_is_kept_when_something_else_was_renamed(school: Connection) -> None:
    await install.install(school, await install.plan(school, {"wanted_query": EVERYONE}))
    await school.execute("alter table enrollments rename status to state")
    await school.fetch("select * from listener.follow()")
    plan = await install.plan(school, {})
    assert plan.mapping.settings["wanted_query"] == EVERYONE
    assert plan.mapping.enrollment_status == "state"
    await install.install(school, plan)


def test_the_command_says_it_in_one_line(
    make_database: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    database = make_database(empty=True)
    database.server.psql(database.name, SCHOOL)
    done = listener(database.url, "install", wanted_query=PAID, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("listener: LISTENER_WANTED_QUERY cannot be watched: ")
    done = listener(database.url, "install", "--watch", "payments(person_no=profiles.person_no)", wanted_query=PAID)
    assert "person_no → public.profiles (person_no → id) → profile" in " ".join(done.stdout.split())
