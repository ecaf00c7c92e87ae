"""The suites on the page *Your tests* run as they stand there, against their real drivers, and leave nothing behind."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
from psycopg.rows import dict_row, namedtuple_row, scalar_row
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from listener.database.connection import Connection
from listener.errors import UnknownSetting
from listener.testing import assert_enrolled, assert_not_enrolled, install, settle
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.postgres import Server
from tests.support.project import ROOT
from tests.support.refusing import refuse

PAGE = ROOT / "docs" / "how-to" / "your-tests.md"
FILE = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GRANTS = re.compile(r"^  -- not run by the tests: .*test_suites.py\n(.*?)^  ```$", re.MULTILINE | re.DOTALL)
PAGE_TEXT = PAGE.read_text(encoding="utf-8")
SUITES = dict(FILE.findall(PAGE_TEXT))
COURSE = "insert into courses (title, price) values ('a', 0) returning id"
STUDENT = "insert into profiles (role) values ('student') returning id"


def test_every_driver_has_a_suite() -> None:
    assert set(SUITES) == {
        "conftest.py", "test_psycopg.py", "test_asyncpg.py", "test_sqlalchemy.py", "test_django.py"
    }  # fmt: skip


def test_the_page_s_suites_pass_and_leave_nothing_behind(
    make_database: Callable[..., Database], server: Server, tmp_path: Path
) -> None:
    database = make_database(installed=False)
    # Django 5.2 asks for Postgres 14.
    suites = {name: suite for name, suite in SUITES.items() if server.version >= 14 or name != "test_django.py"}
    for name, suite in suites.items():
        (tmp_path / name).write_text(suite, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "-W", "error", "."],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith(("LISTENER_", "PYTEST_"))}
        | {"TEST_DATABASE_URL": database.url},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(suites) - 1} passed" in done.stdout
    left = "select (select count(*) from profiles) + (select count(*) from listener.change)"
    assert server.psql(database.name, left).strip() == "0"


async def test_an_async_session_of_sqlalchemy(database: Database) -> None:
    engine = create_async_engine(database.url.replace("postgresql://", "postgresql+asyncpg://"))
    async with AsyncSession(engine) as session:
        course, student = await session.scalar(text(COURSE)), await session.scalar(text(STUDENT))
        assert (await settle(session))["enrolled"] == 1
        await assert_enrolled(session, student, course)
    await engine.dispose()


async def test_an_async_connection_of_psycopg(database: Database) -> None:
    async with await psycopg.AsyncConnection.connect(database.url) as connection:
        (course,) = await (await connection.execute(COURSE)).fetchone() or ()
        (student,) = await (await connection.execute(STUDENT)).fetchone() or ()
        await settle(connection)
        await assert_enrolled(connection, student, course)
        await connection.rollback()


@pytest.mark.parametrize("rows", [dict_row, namedtuple_row, scalar_row])
def test_whatever_rows_the_suite_has_of_its_connection(database: Database, rows: Any) -> None:
    with psycopg.connect(database.url) as plain, psycopg.connect(database.url, row_factory=rows) as connection:
        (course,) = plain.execute(COURSE).fetchone() or ()
        (student,) = plain.execute(STUDENT).fetchone() or ()
        plain.commit()
        assert settle(connection)["enrolled"] == 1
        assert_enrolled(connection, student, course)
        with pytest.raises(AssertionError, match="is in course"):
            assert_not_enrolled(connection, student, course)
        connection.rollback()


@pytest.mark.parametrize("rows", [None, "DictCursor", "RealDictCursor", "NamedTupleCursor"])
def test_a_connection_of_psycopg_2_whatever_its_rows(database: Database, rows: str | None) -> None:
    driver, extras = import_module("psycopg2"), import_module("psycopg2.extras")
    connection = driver.connect(database.url, cursor_factory=rows and getattr(extras, rows))
    with closing(connection), connection.cursor(cursor_factory=driver.extensions.cursor) as cursor:
        cursor.execute(COURSE)
        (course,) = cursor.fetchone()
        cursor.execute(STUDENT)
        (student,) = cursor.fetchone()
        assert settle(connection)["enrolled"] == 1
        assert_enrolled(connection, student, course)
        with pytest.raises(AssertionError, match="is in course"):
            assert_not_enrolled(connection, student, course)
        with pytest.raises(TypeError, match="not a cursor"):
            settle(cursor)


async def test_whatever_rows_it_has_of_an_async_one(database: Database) -> None:
    async with await psycopg.AsyncConnection.connect(database.url, row_factory=dict_row) as connection:
        course = (await (await connection.execute(COURSE)).fetchone() or {})["id"]
        student = (await (await connection.execute(STUDENT)).fetchone() or {})["id"]
        assert (await settle(connection))["enrolled"] == 1
        await assert_enrolled(connection, student, course)
        await connection.rollback()


def test_what_savepoints_undo_is_settled_again(database: Database) -> None:
    with psycopg.connect(database.url) as connection:
        (course,) = connection.execute(COURSE).fetchone() or ()
        (student,) = connection.execute(STUDENT).fetchone() or ()
        with connection.transaction(force_rollback=True):
            assert settle(connection)["enrolled"] == 1
        assert_not_enrolled(connection, student, course)
        assert settle(connection)["enrolled"] == 1
        assert_enrolled(connection, student, course)
        connection.rollback()


@pytest.mark.parametrize("level", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE])
def test_at_each_isolation_level(database: Database, level: psycopg.IsolationLevel) -> None:
    with psycopg.connect(database.url) as connection:
        connection.isolation_level = level
        (course,) = connection.execute(COURSE).fetchone() or ()
        (student,) = connection.execute(STUDENT).fetchone() or ()
        assert settle(connection)["enrolled"] == 1
        assert_enrolled(connection, student, course)
        connection.rollback()


async def test_what_is_no_connection_or_no_key_is_told_in_a_line(database: Database) -> None:
    engine = create_async_engine(database.url.replace("postgresql://", "postgresql+asyncpg://"))
    async with asyncpg.create_pool(database.url, min_size=0) as pool:
        for given in (engine, pool, database.url):
            with pytest.raises(TypeError, match=f"the test uses, not a {type(given).__name__}$"):
                settle(given)
    await engine.dispose()
    with psycopg.connect(database.url) as connection:
        for key in (None, (1,), {"id": 1}):
            with pytest.raises(TypeError, match="is no key of a profile or a course: give the value of that column"):
                assert_enrolled(connection, key, "x")
        with pytest.raises(TypeError, match="not a Cursor"):
            settle(connection.cursor())


def test_a_role_of_the_app_s_with_the_rights_that_the_page_names(database: Database) -> None:
    (grants,) = re.findall(
        r"^  -- not run by the tests: .*test_suites.py\n(.*?)^  ```$", PAGE_TEXT, re.MULTILINE | re.DOTALL
    )
    role = f"app_{database.name}"
    database.server.psql(database.name, f"create role {role} login")
    database.server.psql(database.name, re.sub(r"\bapp\b", role, grants))
    database.server.psql(database.name, f"grant select, insert on profiles, courses to {role}")
    with psycopg.connect(database.server.url(database.name, user=role)) as connection:
        (course,) = connection.execute(COURSE).fetchone() or ()
        (student,) = connection.execute(STUDENT).fetchone() or ()
        assert settle(connection)["enrolled"] == 1
        assert_enrolled(connection, student, course)
        connection.rollback()
    database.server.psql(database.name, f"drop owned by {role}; drop role {role}")


async def test_who_is_not_enrolled_is_told_with_the_reason(connection: Connection) -> None:
    course, student = await connection.fetchval(COURSE), await connection.fetchval(STUDENT)
    await connection.execute(refuse(error="the fee is not paid"))
    assert (await settle(connection))["waiting"] == 1
    with pytest.raises(AssertionError, match="in no course; set aside: failed: P0001: the fee is not paid"):
        await assert_enrolled(connection, student, course)
    await assert_not_enrolled(connection, student, course)
    await connection.execute("drop trigger refuse on enrollments")
    await settle(connection)
    with pytest.raises(AssertionError, match="is in course"):
        await assert_not_enrolled(connection, student, course)


async def test_a_suite_installs_once_with_settings_of_its_own(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    settings: dict[str, Any] = {"wanted_query": "select p.id, c.id from profiles p, courses c where p.role = 'guest'"}
    await asyncio.gather(*(asyncio.to_thread(install, database.url, **settings) for _ in range(3)))
    install(database.url, **settings)  # in a fixture that is asynchronous
    with pytest.raises(UnknownSetting, match="did you mean LISTENER_WANTED_QUERY"):
        install(database.url, wanted_qery="")
    connection: Connection = await connect(database.url)
    course = await connection.fetchval(COURSE)
    guest = await connection.fetchval("insert into profiles (role) values ('guest') returning id")
    await settle(connection)
    await assert_enrolled(connection, guest, course)
    await connection.close()
