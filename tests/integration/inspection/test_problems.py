"""One list of problems: each is made, seen in all six places, and gone from them once its fault is mended."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import pytest

from listener.database.connection import Connection
from listener.database.locks import LEADER_LOCK, LOCK_CLASS
from listener.instruments.problem_kinds import KINDS
from tests.conftest import Database
from tests.support import pgbouncer
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import Server
from tests.support.process import DaemonProcess, listener
from tests.support.prometheus import PROGRAM, Prometheus
from tests.support.troubles import ALERTS, FAULTS, Fault, Ground

pytestmark = pytest.mark.timeout(300)
"""Each waits twice for six places; a second each, but half a minute where the machine has ten times as much to do."""

QUICK: dict[str, object] = {"heartbeat_seconds": 2, "sample_seconds": 0.2, "audit_seconds": 0.4}
SECONDS = 60.0
"""Longest wait: an audit that took a second, on a busy machine, is followed by a pause of twenty."""


@dataclass
class Places:
    """Everywhere problems are shown: two commands, three paths of a daemon's port, and alerts."""

    url: str
    daemon: DaemonProcess
    prometheus: Prometheus | None

    def status(self) -> set[str]:
        """With the exit status, which says whether there is any."""
        done = listener(self.url, "status", "--json", check=False)
        found = {each["code"] for each in json.loads(done.stdout)["problems"]}
        assert done.returncode == bool(found), done.stdout
        return found

    def in_words(self) -> str:
        """What `status` says to people."""
        return listener(self.url, "status", check=False).stdout

    def diagnosis(self) -> set[str]:
        """Findings about anything else are among them."""
        done = listener(self.url, "diagnose", "--json", check=False)
        return {each["code"] for each in json.loads(done.stdout)["findings"]}

    def port(self, path: str) -> set[str]:
        """Of the port, for anybody."""
        body = self.daemon.get(path)[1]
        return {each["code"] for each in json.loads(body).get("problems", [])} if body.startswith("{") else set()

    def gauges(self) -> set[str]:
        """Those that are 1."""
        lines = self.daemon.get("/metrics")[1].splitlines()
        return {code for code in KINDS if f'listener_problem{{code="{code}"}} 1.0' in lines}

    def missing(self, codes: set[str]) -> dict[str, set[str]]:
        """Which of the codes are not shown, and where."""
        found = {
            "readyz": codes - self.port("/readyz"),
            "page": codes - self.port("/state.json"),
            "gauge": codes - self.gauges(),
        }
        if self.prometheus is not None:
            found["alert"] = {ALERTS[each] for each in codes} - self.prometheus.firing()
        if not any(found.values()):
            found |= {"status": codes - self.status(), "diagnose": codes - self.diagnosis()}
        return {place: lacks for place, lacks in found.items() if lacks}

    def left(self, codes: set[str]) -> dict[str, set[str]]:
        """Which of the codes are shown still, and where."""
        found = {
            "readyz": codes & self.port("/readyz"),
            "page": codes & self.port("/state.json"),
            "gauge": codes & self.gauges(),
        }
        if self.prometheus is not None:
            found["alert"] = {ALERTS[each] for each in codes} & self.prometheus.firing()
        if not any(found.values()):
            found |= {"status": codes & self.status(), "diagnose": codes & self.diagnosis()}
        return {place: shown for place, shown in found.items() if shown}

    async def show(self, codes: set[str]) -> None:
        """Wait until all of them do."""
        await until_empty(self.missing, codes, "not shown")
        words = await asyncio.to_thread(self.in_words)
        for code in codes:
            assert code in words
            assert KINDS[code].mend.split(",")[0] in words

    async def clear(self, codes: set[str]) -> None:
        """Wait until none of them does."""
        await until_empty(self.left, codes, "still shown")


async def until_empty(look: Callable[[set[str]], dict[str, set[str]]], codes: set[str], what: str) -> None:
    """Look until nothing is found; fail with what is."""
    give_up_at = time.monotonic() + SECONDS
    while found := await asyncio.to_thread(look, codes):
        assert time.monotonic() < give_up_at, f"{what}: {found}"
        await asyncio.sleep(0.05)


def new_database(server: Server, templates: Callable[[Server, str, bool], str], name: str) -> Database:
    """With one course."""
    server.copy(templates(server, "uuid", True), name)
    server.psql(name, "insert into courses (title, price) values ('a', 1)")
    return Database(server, name)


@pytest.fixture(scope="module")
def places(
    servers: Callable[[int], Server], postgres_version: int, templates: Callable[[Server, str, bool], str]
) -> Iterator[tuple[Database, Places]]:
    """One database with a daemon that leads, for all faults."""
    database = new_database(servers(postgres_version), templates, "troubled")
    daemon = DaemonProcess(database.url, dict(QUICK), cold=False).wait_ready("leading")
    prometheus = Prometheus(f"127.0.0.1:{daemon.port}", hurried=True) if PROGRAM is not None else None
    if prometheus is not None:
        prometheus.wait_scraped()
    yield database, Places(database.url, daemon, prometheus)
    if prometheus is not None:
        prometheus.clean_up()
    daemon.clean_up()
    database.server.psql("postgres", "drop database troubled with (force)")


@pytest.fixture
async def ground(places: tuple[Database, Places]) -> AsyncIterator[Ground]:
    app: Connection = await connect(places[0].url)
    yield Ground(places[0], app)
    app.terminate()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.quarter
async def test_each_fault_is_seen_in_all_places_and_seen_to_be_over(
    ground: Ground, places: tuple[Database, Places], fault: Fault
) -> None:
    codes, everywhere = FAULTS[fault], places[1]
    await everywhere.clear(codes)
    unseen: AssertionError | None = None
    async with fault(ground):
        try:
            await everywhere.show(codes)
        except AssertionError as error:  # the fault is mended all the same
            unseen = error
        status = everywhere.daemon.get("/readyz")[0]
    if unseen is not None:
        raise AssertionError(everywhere.daemon.text()) from unseen
    assert status == (503 if codes == {"another_version"} else 200)
    await everywhere.clear(codes)


async def test_nobody_leads_is_seen_by_a_standby_and_every_command(database: Database, connection: Connection) -> None:
    """A session that may lead holds the lock, and does nothing else."""
    earlier = DaemonProcess(database.url, dict(QUICK), cold=False).wait_ready("leading")
    has_led = "select count(*) from listener.problem where code = 'had_leader'"
    await eventually(connection, has_led, equals=1)
    earlier.clean_up()
    await connection.execute("select pg_advisory_lock($1, $2)", LOCK_CLASS, LEADER_LOCK)
    daemon = DaemonProcess(database.url, QUICK | {"heartbeat_seconds": 20}, cold=False)
    try:
        daemon.wait_ready("standing_by")
        everywhere = Places(database.url, daemon, None)
        await everywhere.show({"no_leader"})
        await connection.execute("select pg_advisory_unlock_all()")
        await everywhere.clear({"no_leader"})
    finally:
        daemon.clean_up()


async def test_a_standby_that_goes_is_missed_by_the_next_leader_too(database: Database) -> None:
    first, second = (DaemonProcess(database.url, dict(QUICK), cold=False) for _ in range(2))
    try:
        first.wait_ready()
        second.wait_ready()
        leader, standby = (first, second) if first.role == "leading" else (second, first)
        had = "select count(*) from listener.problem where code = 'had_standby'"
        app: Connection = await connect(database.url)
        await eventually(app, had, equals=1)
        leader.kill()
        await Places(database.url, standby.wait_ready("leading"), None).show({"no_standby"})
        third = DaemonProcess(database.url, dict(QUICK), cold=False)
        try:
            third.wait_ready("standing_by")
            await Places(database.url, standby, None).clear({"no_standby"})
        finally:
            third.clean_up()
        app.terminate()
    finally:
        first.clean_up()
        second.clean_up()


@pytest.mark.skipif(pgbouncer.PROGRAM is None, reason="pgbouncer is not installed (Debian: pgbouncer)")
async def test_a_daemon_that_polls_is_a_problem_until_it_need_not(database: Database) -> None:
    pooler = PgBouncer(database.server, "transaction").start()
    try:
        polling = DaemonProcess(pooler.url(database.name), dict(QUICK), cold=False)
        try:
            polling.wait_ready("leading")
            await Places(database.url, polling, None).show({"polling"})
        finally:
            polling.clean_up()
        listening = DaemonProcess(database.url, dict(QUICK), cold=False)
        polling = DaemonProcess(pooler.url(database.name), dict(QUICK), cold=False)
        try:
            await Places(database.url, listening.wait_ready("leading"), None).clear({"polling"})
            # One that polls, and does not lead, looks at the list, too.
            listener(database.url, "pause", "count")
            await Places(database.url, polling.wait_ready("standing_by"), None).show({"paused"})
        finally:
            listening.clean_up()
            polling.clean_up()
    finally:
        pooler.stop()


async def write_past_the_triggers(url: str) -> None:
    """Again and again, so that each audit finds somebody of whom no note told."""
    app: Connection = await connect(url)
    try:
        await app.execute("set session_replication_role = replica")
        while True:
            await app.execute("insert into profiles (role) values ('student')")
            await asyncio.sleep(0.1)
    finally:
        app.terminate()


async def test_students_of_a_rule_by_query_whom_no_note_told_of_are_a_problem_until_an_audit_finds_no_more(
    database: Database, connection: Connection, course: None, start_daemon: Callable[..., DaemonProcess]
) -> None:
    query = "select profiles.id, courses.id from profiles cross join courses where profiles.role = 'student'"
    listener(database.url, "install", "--wanted-query", query)
    daemon = start_daemon(database, **QUICK).wait_ready("leading")
    prometheus = Prometheus(f"127.0.0.1:{daemon.port}", hurried=True) if PROGRAM is not None else None
    try:
        if prometheus is not None:
            await asyncio.to_thread(prometheus.wait_scraped)
        everywhere = Places(database.url, daemon, prometheus)
        writing = asyncio.create_task(write_past_the_triggers(database.url))
        await everywhere.show({"route_missed"})
        assert daemon.get("/readyz")[0] == 200
        writing.cancel()
        await everywhere.clear({"route_missed"})
    finally:
        if prometheus is not None:
            prometheus.clean_up()


def test_every_code_has_an_alert() -> None:
    assert set(ALERTS) == set(KINDS)


async def test_who_holds_a_course_is_named_with_session_role_and_query(
    database: Database, connection: Connection, course: None, start_daemon: Callable[..., DaemonProcess]
) -> None:
    """In the log, in `pending` and in `explain`."""
    daemon = start_daemon(database, **QUICK).wait_ready("leading")
    holder: Connection = await connect(database.url)
    await holder.execute("begin; select from courses for update")
    pid = holder.get_server_pid()
    await connection.execute("insert into profiles (role) values ('student')")
    told = await asyncio.to_thread(daemon.told, "student_pending")
    assert f"'pid': {pid}" in told
    assert "'role': 'postgres'" in told
    assert "select from courses for update" in told
    student = await connection.fetchval("select profile_id::text from listener.pending_enrollment")
    for command in (("pending",), ("explain", student)):
        said = " ".join(listener(database.url, *command, check=False).stdout.split())
        assert f"held by session {pid} of role postgres: begin; select from courses for update" in said
        assert "`listener pending retry`" in said
    await holder.close()


async def test_who_holds_a_course_together_with_others_is_found(
    database: Database, connection: Connection, course: None
) -> None:
    """The row has one number for all of them."""
    student = await connection.fetchval("insert into profiles (role) values ('student') returning id::text")
    sessions: list[Connection] = [await connect(database.url) for _ in range(3)]
    for each in sessions:
        await each.execute("begin; select from courses for share")
    held = await connection.fetch("select * from listener.course_holders(array[$1::text])", student)
    assert {row["pid"] for row in held} == {each.get_server_pid() for each in sessions}
    for each in sessions:
        await each.close()
    assert await connection.fetch("select * from listener.course_holders(array[$1::text])", student) == []


async def test_pending_lists_as_many_students_and_courses_as_status_counts(
    database: Database, connection: Connection
) -> None:
    await connection.execute(
        "insert into listener.pending_enrollment (profile_id, reason, error, next_attempt_at)"
        " select gen_random_uuid(), 'failed', 'no', 'infinity' from generate_series(1, 120);"
        "insert into listener.pending_count (course_id, delta, error, next_attempt_at)"
        " select gen_random_uuid(), 1, 'closed', 'infinity' from generate_series(1, 3)"
    )
    seen = json.loads(listener(database.url, "status", "--json", check=False).stdout)
    assert (seen["pending_students"], seen["pending_counts"]) == (120, 3)
    said = listener(database.url, "pending").stdout
    assert said.count("failed") == 100
    assert "and 20 more" in said
    assert said.count("refused") == 3
