"""Installing in each of its ways comes to the same."""

from collections.abc import Callable

import asyncpg
import pytest

from listener import install
from tests.conftest import Database
from tests.integration.test_schemas import SCHEMAS, dump, supabase_roles
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener


@pytest.mark.parametrize("name", ["plain", "camel_case", "supabase", "partitioned"])
def test_the_printed_script_installs_the_same(name: str, make_database: Callable[..., Database]) -> None:
    databases = make_database(empty=True), make_database(empty=True)
    for database in databases:
        supabase_roles(database.server)
        database.server.psql(database.name, (SCHEMAS / f"{name}.sql").read_text())
    listener(databases[0].url, "install")
    script = listener(databases[1].url, "install", "--print").stdout
    databases[1].server.psql(databases[1].name, script)
    assert dump(databases[0]) == dump(databases[1])
    record = "select version, fingerprint, mapping from listener.installation"
    assert databases[0].server.psql(databases[0].name, record) == databases[1].server.psql(databases[1].name, record)
    assert "already installed" in listener(databases[1].url, "install").stdout


async def test_settings_are_remembered_by_the_next_install(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    connection = await asyncpg.connect(database.url)
    try:
        await install.install(connection, await install.plan(connection, {"count_columns": "students"}))
        plan = await install.plan(connection, {})
        assert plan.is_done
        assert plan.mapping.count_columns == ("students",)
        plan = await install.plan(connection, {"count_rows": "all"})
        assert not plan.is_done
        assert plan.mapping.count_columns == ("students",)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("actions", "enrolls", "counts"), [("both", 1, 1), ("enroll", 1, 0), ("count", 0, 0), ("observe", 0, 0)]
)
async def test_only_what_was_asked_for_is_done(
    actions: str,
    enrolls: int,
    counts: int,
    make_database: Callable[..., Database],
    start_daemon: Callable[..., DaemonProcess],
) -> None:
    database = make_database(installed=False)
    connection = await asyncpg.connect(database.url)
    try:
        await install.install(connection, await install.plan(connection, {"actions": actions}))
        daemon = start_daemon(database).wait_ready("leading")
        await connection.execute("insert into courses (title, price) values ('a', 1)")
        await connection.execute("insert into profiles (role) values ('student')")
        if actions == "count":
            await connection.execute(
                "insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles, courses"
            )
            enrolls = counts = 1
        handled = "select count(*)::integer from listener.unhandled('enroll') union all select count(*)::integer from "
        await eventually(
            connection, f"select max(count) from ({handled} listener.unhandled('count')) as left_over", equals=0
        )
        await eventually(connection, "select enrollments from courses", equals=counts)
        assert await connection.fetchval("select count(*) from enrollments") == enrolls
        assert await connection.fetch("select * from listener.course_drift") == []
        live = await connection.fetchval("select active_enrollments from listener.course_live_count")
        assert live == enrolls
        told = [bool(line.get("observing")) for line in daemon.events("student_enrolled")]
        assert told == {"both": [False], "enroll": [False], "count": [], "observe": [True]}[actions]
        assert daemon.stop() == 0
    finally:
        await connection.close()
