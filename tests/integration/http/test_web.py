"""The HTTP side: health, the status page and its figures, TLS and the password."""

import base64
import http.client
import json
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import structlog
from starlette.applications import Starlette
from starlette.routing import Route

from listener.database.connection import Connection
from listener.http.access import Access
from listener.http.web import application
from listener.instruments.instruments import Instruments
from listener.settings import load
from tests.conftest import Database, install_script
from tests.support import lms
from tests.support.certificates import make_certificate
from tests.support.eventually import eventually
from tests.support.postgres import Server, wait_until
from tests.support.process import DaemonProcess, environment
from tests.support.reactions import Folder

StartDaemon = Callable[..., DaemonProcess]


def state(daemon: DaemonProcess) -> dict[str, object]:
    """What the page refreshes itself from."""
    status, body = daemon.get("/state.json")
    assert status == 200, body
    answer: dict[str, object] = json.loads(body)
    return answer


USER = {"http_user": "prometheus", "http_password": "long and made up"}
NAMES = ("ann@example", "Ann Name")
TITLE = "Secret title"
PASSWORD = "Basic " + base64.b64encode(b"prometheus:long and made up").decode()
REFUSE = """
create function refuse() returns trigger language plpgsql as $$
begin
    raise exception 'student % (%) has not paid', new.user_id, (select email from profiles where id = new.user_id)
        using detail = new.user_id, hint = new.user_id;
end $$;
create trigger refuse before insert on enrollments for each row execute function refuse();
"""
ENDED = """
create function tell(student uuid) returns integer language plpgsql as $$
begin
    raise exception 'student % (%) is not told', student, (select email from public.profiles where id = student)
        using errcode = 'admin_shutdown', detail = student, hint = student;
end $$;
"""
"""A reaction of one's own that fails for a student, by the code of a connection that ends."""
REACTION = """{{feed}},
told as materialized (
    select public.tell(noted.id) from batch cross join lateral unnest(batch.profile_ids) as noted(id)
)
select batch_summary.*
from batch_summary
where batch_summary.changes > 0 and (select count(told) from told) > 0
"""


@cache
def paths() -> list[str]:
    """Every path the server has, and some that it has not."""
    served = application(load(), Access(), Instruments.of_daemon(1.0, structlog.get_logger()))
    assert isinstance(served, Starlette)
    found = [route.path for route in served.routes if isinstance(route, Route)]
    assert {"/", "/state.json", "/livez", "/readyz", "/metrics"} <= set(found)
    return [*found, *(f"{path}/" for path in found if path != "/"), "/nowhere", "/favicon.ico", "/docs", "/livez/.."]


def all_answers(
    daemon: DaemonProcess, credentials: str | None = None, methods: tuple[str, ...] = ("GET", "POST")
) -> dict[str, str]:
    """All that the server says, headers and all, to anybody who asks for any of its paths."""
    answers = {}
    for path in paths():
        for method in methods:
            headers = {"Accept": "*/*"} | ({"Authorization": credentials} if credentials else {})
            asked = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=5)
            asked.request(method, path, headers=headers)
            answer = asked.getresponse()
            answers[f"{method} {path}"] = f"{answer.status} {answer.getheaders()} {answer.read().decode()}"
            asked.close()
    return answers


def who_says(answers: dict[str, str], *secrets: object) -> list[str]:
    """Where one of these words is said."""
    return [where for where, text in answers.items() for secret in secrets if str(secret) in text]


async def one_student(connection: Connection) -> tuple[str, str]:
    """The key of a student who just signed up, and of the course that is there."""
    course = await connection.fetchval("insert into courses (title, price) values ('Secret title', 1) returning id")
    student = await connection.fetchval(
        "insert into profiles (role, email, full_name) values ('student', 'ann@example.com', 'Ann Name') returning id"
    )
    return str(student), str(course)


async def test_keys_are_shown_to_those_who_gave_the_password_and_to_nobody_else(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, sample_seconds=0.2, **USER).wait_ready("leading")
    student, course = await one_student(connection)
    await eventually(connection, "select count(*) from enrollments", equals=1)
    wait_until(lambda: bool(daemon.events("course_count_moved")), "the count was moved")
    wait_until(lambda: TITLE in all_answers(daemon, PASSWORD)["GET /state.json"], "the title is known")
    assert who_says(all_answers(daemon), student, course, TITLE, *NAMES) == []
    told = all_answers(daemon, PASSWORD)
    assert who_says(told, student) == who_says(told, TITLE) == ["GET /state.json"]
    assert who_says(told, *NAMES) == []
    assert not [name for name in NAMES if name in daemon.text()]
    activity = json.loads(told["GET /state.json"].partition("] ")[2])["activity"]
    told_of = {"profile_id": student, "course_id": course, "course": TITLE, "at": 0}
    assert activity["latest"][0] | {"at": 0} == told_of


async def test_without_a_password_the_page_shows_figures_and_nobody_sees_a_key(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, sample_seconds=0.2).wait_ready("leading")
    student, course = await one_student(connection)
    await eventually(connection, "select count(*) from enrollments", equals=1)
    wait_until(lambda: bool(daemon.events("course_count_moved")), "the count was moved")
    assert who_says(all_answers(daemon), student, course, TITLE, *NAMES) == []
    activity = state(daemon)["activity"]
    assert isinstance(activity, dict)
    assert sum(activity["signups"]) == 1
    assert sum(activity["enrolled"]) == 1
    assert activity["latest"] is None
    assert activity["slowest_seconds"] < 5


@pytest.mark.parametrize("settings", [{}, USER], ids=["open", "password"])
async def test_an_error_that_names_a_student_is_told_to_nobody_at_the_port(
    settings: dict[str, str], connection: Connection, database: Database, start_daemon: StartDaemon, tmp_path: Path
) -> None:
    daemon = start_daemon(database, sample_seconds=0.2, **settings).wait_ready("leading")
    given = PASSWORD if settings else None
    await connection.execute(REFUSE)
    student, _ = await one_student(connection)
    said = "select error from listener.pending_enrollment"
    await eventually(connection, said, equals=f"P0001: student {student} (ann@example.com) has not paid")
    waits = 'listener_pending_students{reason="failed"} 1.0'
    wait_until(lambda: waits in all_answers(daemon, given)["GET /metrics"], "the sample knows")
    assert who_says(all_answers(daemon), student, *NAMES) == []
    assert who_says(all_answers(daemon, given), student, *NAMES) == []

    await connection.execute(ENDED)
    reactions = Folder(tmp_path / "reactions", database)
    reactions.write("tell", REACTION)
    reactions.install()
    await connection.execute("delete from profiles")
    student, _ = await one_student(connection)
    wait_until(lambda: "reaction_blocked" in all_answers(daemon, given)["GET /readyz"], "the port tells of it", 60)
    assert f"student {student} (ann@example.com) is not told" in daemon.text()
    assert who_says(all_answers(daemon), student, *NAMES) == []
    assert who_says(all_answers(daemon, given), student, *NAMES) == []


def test_the_page_may_run_its_own_script_and_style_and_nothing_else(
    database: Database, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database).wait_ready("leading")
    with urllib.request.urlopen(f"http://127.0.0.1:{daemon.port}/") as answer:
        policy, text = answer.headers["Content-Security-Policy"], answer.read().decode()
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "Leading" in text  # without the script, too
    assert "style=" not in text
    assert "{{" not in text
    assert not [scheme for scheme in ("https://", "src=", "@import") if scheme in text]


def test_the_page_tells_the_truth_when_the_database_is_gone_and_when_it_is_back(
    postgres_version: int, start_daemon: StartDaemon
) -> None:
    server = Server(postgres_version)
    server.create()
    server.start()
    try:
        server.psql("postgres", "create database lms")
        database = Database(server, "lms")
        server.psql("lms", lms.schema())
        server.psql("lms", install_script(database.url))
        daemon = start_daemon(database, sample_seconds=0.2, heartbeat_seconds=0.5).wait_ready("leading")
        wait_until(lambda: state(daemon)["sample"] is not None, "a sample was taken")
        server.stop("immediate")
        wait_until(lambda: state(daemon)["role"] == "disconnected", "the page knows")
        status, text = daemon.get("/")
        assert status == 200
        assert "No connection to the database" in text
        assert daemon.get("/metrics")[0] == 200
        assert daemon.get("/livez")[0] == 200
        status, body = daemon.get("/readyz")
        assert (status, json.loads(body)["role"]) == (503, "disconnected")
        daemon.shows("listener_connected", 0)
        daemon.shows("listener_leader", 0)
        server.start()
        daemon.wait_ready("leading", seconds=40)
        assert "Leading" in daemon.get("/")[1]
    finally:
        server.destroy()


def test_a_standby_says_that_it_stands_by(database: Database, start_daemon: StartDaemon) -> None:
    leader = start_daemon(database, sample_seconds=0.2).wait_ready("leading")
    standby = start_daemon(database).wait_ready("standing_by")
    assert "Standing by" in standby.get("/")[1]
    assert (standby.metric("listener_leader"), standby.metric("listener_connected")) == (0, 1)
    wait_until(lambda: leader.metric("listener_standbys") == 1, "the leader sees its standby")


def ask(url: str, credentials: str | None = None, context: ssl.SSLContext | None = None) -> int:
    """The status of a GET."""
    headers = {"Authorization": credentials} if credentials else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5, context=context) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


def basic(text: str) -> str:
    """An Authorization header."""
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def served(port: int) -> str:
    """The certificate that is served there."""
    return ssl.get_server_certificate(("127.0.0.1", port))


def test_a_hangup_has_the_renewed_certificate_and_password_served(
    database: Database, start_daemon: StartDaemon, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("old")
    daemon = start_daemon(
        database,
        http_tls_cert=certificate[0],
        http_tls_key=certificate[1],
        http_user="prometheus",
        http_password_file=secret,
    )
    url = f"https://127.0.0.1:{daemon.port}/metrics"
    context = ssl.create_default_context(cafile=str(certificate[0]))
    wait_until(lambda: ask(url, basic("prometheus:old"), context) == 200, f"it serves:\n{daemon.text()}")
    old = served(daemon.port)
    certificate[0].write_text("no certificate")
    daemon.process.send_signal(signal.SIGHUP)
    assert "cannot be used" in daemon.told("files_read")
    assert served(daemon.port) == old, "it goes on as before"
    make_certificate(*certificate)
    secret.write_text("new")
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(daemon.events("files_read")) == 2, "the files are read")
    assert served(daemon.port) == certificate[0].read_text()
    context = ssl.create_default_context(cafile=str(certificate[0]))
    assert ask(url, basic("prometheus:new"), context) == 200
    assert ask(url, basic("prometheus:old"), context) == 401
    assert daemon.process.poll() is None


def test_behind_tls_and_a_password_only_the_probes_are_open(
    database: Database, start_daemon: StartDaemon, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("pässword:with colon\n")
    daemon = start_daemon(
        database,
        http_tls_cert=certificate[0],
        http_tls_key=certificate[1],
        http_user="prometheus",
        http_password_file=secret,
    )
    context = ssl.create_default_context(cafile=str(certificate[0]))
    url = f"https://127.0.0.1:{daemon.port}"
    wait_until(lambda: ask(f"{url}/readyz", context=context) == 200, f"it is ready:\n{daemon.text()}")
    right = basic("prometheus:pässword:with colon")
    assert ask(f"{url}/livez", context=context) == 200
    for path in ("/", "/metrics", "/state.json"):
        assert ask(url + path, right, context) == 200
        for wrong in (
            None,
            basic("prometheus:password"),
            basic("prometheus:"),
            basic("admin:pässword:with colon"),
            right.replace("Basic", "Bearer"),
            "Basic !",
            "Basic",
            "",
        ):
            assert ask(url + path, wrong, context) == 401, (path, wrong)
    assert ask(f"http://127.0.0.1:{daemon.port}/livez") == 0
    assert "pässword" not in daemon.text()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"http_tls_cert": "/nowhere"}, "LISTENER_HTTP_TLS_KEY"),
        ({"http_tls_cert": "/nowhere", "http_tls_key": "/nowhere"}, "LISTENER_HTTP_TLS_CERT"),
        ({"http_user": "me"}, "LISTENER_HTTP_PASSWORD"),
        ({"http_password": "hush-hush"}, "LISTENER_HTTP_USER"),
        ({"http_user": "me", "http_password_file": "/nowhere"}, "LISTENER_HTTP_PASSWORD_FILE"),
    ],
)
@pytest.mark.half
def test_half_a_pair_is_a_mistake_said_in_one_line(settings: dict[str, str], named: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "listener", "run"],
        env=environment("postgresql://nobody@127.0.0.1:1/none", log_format="console", **settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"listener: {named}: ")
    assert done.stderr.count("\n") == 1
    assert "hush" not in done.stderr
