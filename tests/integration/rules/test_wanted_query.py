"""A query of who should be where that cannot be used is refused in one line, which says what to do instead."""

import pytest

from listener.database.connection import Connection
from listener.errors import ListenerError
from listener.schema import install
from tests.support.wanted.queries import EVERYONE, SCHOOL, planned, refusal


@pytest.fixture
async def school(empty_database: Connection) -> Connection:
    await empty_database.execute(SCHOOL)
    return empty_database


REFUSED = {
    "not SQL at all": ("everyone in all courses", "is not understood: "),
    "two statements": (f"{EVERYONE}; select 1, 2", "is not understood: "),
    "a table that is not there": ("select id, id from pupils", 'relation "pupils" does not exist'),
    "one column": ("select id from profiles", "must have two columns, the keys of a profile and of a course"),
    "a reason that is no text": (
        "select profiles.id, courses.id, 1 from profiles cross join courses",
        "must say why, in its third column, as text, not as integer",
    ),
    "four columns": (
        "select profiles.id, courses.id, 'a', 'b' from profiles cross join courses",
        "must have two columns, the keys of a profile and of a course, and at most a third one that says why, not 4",
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
