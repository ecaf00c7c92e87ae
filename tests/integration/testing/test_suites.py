"""The suites on the page *Your tests* run as they stand there, against their real drivers, and leave nothing behind."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from listener.database.connection import Connection
from listener.testing import assert_enrolled, assert_not_enrolled, install, settle
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.postgres import Server
from tests.support.project import ROOT
from tests.support.refusing import refuse

PAGE = ROOT / "docs" / "how-to" / "your-tests.md"
FILE = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SUITES = dict(FILE.findall(PAGE.read_text(encoding="utf-8")))
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


async def test_who_is_not_enrolled_is_told_with_the_reason(connection: Connection) -> None:
    course, student = await connection.fetchval(COURSE), await connection.fetchval(STUDENT)
    await connection.execute(refuse(error="the fee is not paid"))
    assert (await settle(connection))["waiting"] == 1
    with pytest.raises(AssertionError, match="in none; set aside: failed: P0001: the fee is not paid"):
        await assert_enrolled(connection, student, course)
    await assert_not_enrolled(connection, student, course)
    await connection.execute("drop trigger refuse on enrollments")
    await settle(connection)
    with pytest.raises(AssertionError, match="is in course"):
        await assert_not_enrolled(connection, student, course)


async def test_a_suite_installs_once_with_settings_of_its_own(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    settings: dict[str, Any] = {"wanted_query": "select p.id, c.id from profiles p, courses c where p.role = 'guest'"}
    for _ in range(2):
        await asyncio.to_thread(install, database.url, **settings)
    connection: Connection = await connect(database.url)
    course = await connection.fetchval(COURSE)
    guest = await connection.fetchval("insert into profiles (role) values ('guest') returning id")
    await settle(connection)
    await assert_enrolled(connection, guest, course)
    await connection.close()
