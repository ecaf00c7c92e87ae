"""The tables that a query of who should be where reads stay the LMS's own: only what it reads is noted, what cannot be
read any more is named, and nothing is left behind."""

from collections.abc import Callable

import asyncpg
import pytest

from tests.conftest import Database
from tests.support.command import command
from tests.support.dumping import dump_schema
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener
from tests.support.wanted import watched
from tests.support.wanted.watched import QUERY, SCHOOL, SETTINGS


@pytest.fixture
def school(make_database: Callable[..., Database]) -> Database:
    """A school with the listener, and a query."""
    return watched.school(make_database(empty=True))


RENAMES = {
    "a column": (
        "alter table payments rename paid to settled",
        ("b.paid", "b.settled"),
        "column paid of public.payments",
    ),
    "a column on a route": (
        "alter table profiles rename organisation_id to employer_id",
        ("p.organisation_id", "p.employer_id"),
        "column organisation_id of public.profiles",
    ),
    "a table": ("alter table payments rename to fees", ("payments b", "fees b"), "table public.payments"),
    "a column, dropped": (
        """
        alter table organisations add column level text;
        update organisations set level = plan;
        alter table organisations drop column plan
        """,
        ("o.plan", "o.level"),
        "column plan of public.organisations",
    ),
}


@pytest.mark.parametrize("kind", RENAMES)
@pytest.mark.half
async def test_what_the_query_cannot_read_any_more_is_named_and_made_good_by_the_mended_query(
    kind: str, school: Database, start_daemon: Callable[..., DaemonProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    migration, (old, new), named = RENAMES[kind]
    daemon = start_daemon(school, heartbeat_seconds=0.2, audit_seconds=1).wait_ready("leading")
    connection = await asyncpg.connect(school.url)
    try:
        await eventually(connection, "select count(*) from enrollments", equals=5)
        await connection.execute(migration)
        await connection.execute("insert into profiles default values")
        await connection.execute("update organisations set name = 'gone on'")
        broken = daemon.told("mapping_broken")
        assert named in broken
        assert "LISTENER_WANTED_QUERY" in broken
        wait_until(lambda: "mapping_broken" in daemon.get("/readyz")[1], "it says so")
        for asked in ("status", "diagnose"):
            answer = listener(school.url, asked, check=False)
            assert answer.returncode == 1
            assert named in " ".join(answer.stdout.split())
        assert await connection.fetchval("select count(*) from enrollments") == 5

        listener(school.url, "install", wanted_query=QUERY.replace(old, new))
        await eventually(connection, "select count(*) from enrollments", equals=6)
        daemon.told("mapping_mended")
        daemon.wait_ready("leading")
        await connection.execute(f"insert into {'fees' if 'fees' in new else 'payments'} (payer) values (3)")
        await connection.execute("delete from profiles where id = 2")
        await eventually(connection, "select count(*) from enrollments", equals=4)
        await eventually(connection, "select count(*) from listener.astray()", equals=0)
    finally:
        await connection.close()


async def test_a_view_in_between_keeps_the_query_whole(make_database: Callable[..., Database]) -> None:
    """What is read through a view of the LMS's is read by number: a rename below it is nobody's business."""
    database = make_database(empty=True)
    database.server.psql(database.name, f"{SCHOOL}; create view buyer as select payer as id from payments where paid")
    query = "select buyer.id, c.id from buyer cross join courses c"
    done = listener(database.url, "install", wanted_query=query)
    assert "reads public.payments" in " ".join(done.stdout.replace("│", " ").split())
    ask = database.server.psql
    ask(database.name, "alter table payments rename paid to settled")
    assert "mapping_broken" not in listener(database.url, "status", check=False).stdout
    ask(database.name, "truncate listener.change; update payments set settled = true where payer = 3")
    assert ask(database.name, "select profile_ids from listener.change") == "{3}\n"


async def test_only_what_the_query_reads_is_noted(school: Database) -> None:
    connection = await asyncpg.connect(school.url)
    try:
        await connection.execute("delete from listener.change; delete from listener.blind_note")
        for unrelated in (
            "update payments set note = 'thanks'",
            "update payments set id = id + 100",
            "update payments set paid = paid",
            "update organisations set name = 'gone on'",
            "update profiles set name = 'gone on'",
            "update courses set title = 'gone on'",
        ):
            await connection.execute(unrelated)
            notes = "select (select count(*) from listener.change) + (select count(*) from listener.blind_note)"
            assert await connection.fetchval(notes) == 0, unrelated
        for related, source, keys in (
            ("update payments set paid = not paid where payer = 3", "public.payments", [3]),
            ("update payments set payer = 2 where payer = 3", "public.payments", [2, 3]),
            ("update profiles set role = 'teacher' where id = 2", "profiles", [2]),
            ("delete from payments where payer = 1", "public.payments", [1]),
        ):
            await connection.execute(related)
            row = await connection.fetchrow(
                "delete from listener.change where route is null returning source, profile_ids"
            )
            assert row is not None
            assert (row["source"], sorted(row["profile_ids"])) == (source, keys)
        await connection.execute("update organisations set plan = 'gold' where id = 1")
        row = await connection.fetchrow("delete from listener.change where route is not null returning route, keys")
        assert row is not None
        assert row["keys"] == ["1"]
        assert await connection.fetchval("select * from listener.routed($1, $2)", row["route"], row["keys"]) == 1
        await connection.execute("update courses set published = false where id = 1")
        assert await connection.fetchval("select array_agg(source) from listener.blind_note") == ["profiles"]
    finally:
        await connection.close()


def test_nothing_of_the_lms_is_changed_and_nothing_is_left_behind(make_database: Callable[..., Database]) -> None:
    database = make_database(empty=True)
    database.server.psql(database.name, SCHOOL)
    before = dump_schema(database)
    command(database.url, "install", settings=SETTINGS)
    installed = dump_schema(database)
    lines = [line for line in before.splitlines() if line and not line.startswith("--")]
    assert all(line in installed for line in lines)
    command(database.url, "uninstall")
    assert dump_schema(database) == before
