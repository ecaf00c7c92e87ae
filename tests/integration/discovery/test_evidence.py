"""What the LMS itself says of its rows: unique indexes, policies and views."""

import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import discover, look
from listener.errors import ListenerError
from tests.support.guessing import COURSES, ENROLLED, PEOPLE, told


@pytest.fixture
async def school(empty_database: Connection) -> Connection:
    """A plain school."""
    await empty_database.execute(PEOPLE + COURSES + ENROLLED)
    return empty_database


def plain(condition: str) -> str:
    return condition.replace('{row}."', "").replace('"', "")


async def test_a_unique_index_says_which_rows_count(school: Connection) -> None:
    await school.execute(
        """
        alter table enrollments add no_more timestamptz, add "Away" boolean;
        create unique index on enrollments (user_id, course_id) where no_more is null;
        create unique index on enrollments (course_id, user_id) where not "Away";
        alter table users add email text, add gone_home date;
        create unique index on users (email) where gone_home is null;
        alter table courses add slug text, add put_away boolean;
        create unique index on courses (slug) where put_away = false;
        """
    )
    mapping = await discover(school)
    assert plain(mapping.is_active) == "no_more is null and Away is not true"
    assert plain(mapping.is_student).endswith("gone_home is null")
    assert plain(mapping.is_available) == "put_away is not true"


async def test_a_policy_says_which_rows_count(school: Connection) -> None:
    await school.execute(
        """
        alter table enrollments add fuera date; alter table users add private_profile boolean, add owner_id integer;
        create policy living on enrollments for select using (fuera is null and user_id > 0);
        create policy visible on users using (private_profile is not true or owner_id = 1);
        """
    )
    mapping = await discover(school)
    assert plain(mapping.is_active) == "fuera is null"
    assert "private_profile" not in mapping.is_student


@pytest.mark.parametrize(
    ("evidence", "where"),
    [
        ("create view living as select user_id from enrollments where no_more is null", "view living"),
        ("create index by_time on enrollments (user_id) where no_more is null", "the index by_time"),
    ],
)
async def test_what_else_compares_a_column_is_asked_about(school: Connection, evidence: str, where: str) -> None:
    await school.execute("alter table enrollments add no_more timestamptz, add completed_at timestamptz")
    await school.execute(evidence)
    await school.execute("create view finished as select user_id from enrollments where completed_at is null")
    with pytest.raises(ListenerError) as error:
        await look(school)
    said = str(error.value)
    assert f"no_more (timestamp with time zone: no value yet), compared in {where}, may say it" in said
    assert "completed_at" not in said
    assert (await discover(school, {"active_predicate": "no_more is null"})).is_active == "({row}.no_more IS NULL)"


async def test_policies_say_by_which_column_schools_are_kept_apart(school: Connection) -> None:
    await school.execute(
        """
        alter table users add campus uuid; alter table courses add campus uuid;
        create policy apart on users using (campus = (current_setting('app.campus'))::uuid);
        """
    )
    assert "public.users.campus and public.courses.campus may say the school: both are named alike" in await told(
        school
    )
    await school.execute("create policy apart on courses using (campus = current_setting('app.campus')::uuid)")
    tenant = (await discover(school)).tenant
    assert tenant is not None
    assert (tenant.table.name, tenant.column, tenant.course_column) == ("users", "campus", "campus")
