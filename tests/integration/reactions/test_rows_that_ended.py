"""Soft deletes: an enrollment that is dropped counts no more, and nobody lands in a course that is archived."""

from collections.abc import Callable

import pytest

from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener

SCHOOL = """
create table profiles (
    id bigint primary key generated always as identity, role text default 'student', suspended_at timestamptz
);
create table courses (
    id bigint primary key generated always as identity, title text, is_template boolean not null default false,
    archived_at timestamptz, enrollments integer not null default 0
);
create table enrollments (
    user_id bigint references profiles, course_id bigint references courses, dropped_at timestamptz,
    unique (user_id, course_id)
);
insert into courses (title, is_template) values ('template', true), ('welcome', false), ('next', false);
"""

COUNTS = "select array_agg(enrollments order by id) from courses"


async def test_counts_and_landing_follow(
    make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess]
) -> None:
    database = make_database(empty=True)
    app = await connect(database.url)
    await app.execute(SCHOOL)
    listener(database.url, "install", check=True)
    start_daemon(database).wait_ready("leading")
    await app.execute("insert into profiles (suspended_at) values (null), (null), (null), (now())")
    await eventually(app, COUNTS, equals=[0, 3, 0])
    await app.execute("update enrollments set dropped_at = now() where user_id <= 2")
    await eventually(app, COUNTS, equals=[0, 1, 0])
    await app.execute("update enrollments set dropped_at = null where user_id = 1")
    await eventually(app, COUNTS, equals=[0, 2, 0])
    await app.execute("update courses set archived_at = now() where title = 'welcome'")
    await app.execute("update profiles set suspended_at = null")
    await eventually(app, COUNTS, equals=[0, 2, 1])
    await app.close()


@pytest.mark.parametrize("moved", ["enrollments + 1", "coalesce(courses.enrollments, 0) + 1"])
async def test_who_counts_in_a_function_is_told(make_database: Callable[..., Database], moved: str) -> None:
    database = make_database(empty=True)
    app = await connect(database.url)
    await app.execute(SCHOOL)
    await app.execute(
        f"""create function enroll_me(who bigint, where_to bigint) returns void language sql as $$
            insert into enrollments (user_id, course_id) values (who, where_to);
            update courses set enrollments = {moved} where id = where_to;
        $$;"""
    )
    said = " ".join(listener(database.url, "install", check=True).stdout.split())
    assert (
        "public.enroll_me() counts in public.courses.enrollments by itself, and the listener counts there, too" in said
    )
    assert "LISTENER_COUNT_COLUMNS=none" in said
    said = " ".join(listener(database.url, "install", count_columns="none").stdout.split())
    assert "by itself" not in said
    await app.close()
