"""The HTTP side: health, the status page and its figures, TLS and the password."""

import base64
import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from listener.connection import Connection
from tests.conftest import NEWEST, Database, install_script
from tests.support import lms
from tests.support.eventually import eventually
from tests.support.postgres import Server, wait_until
from tests.support.process import DaemonProcess, environment

StartDaemon = Callable[..., DaemonProcess]


def state(daemon: DaemonProcess) -> dict[str, object]:
    """What the page refreshes itself from."""
    status, body = daemon.get("/state.json")
    assert status == 200, body
    answer: dict[str, object] = json.loads(body)
    return answer


async def test_the_page_shows_sign_ups_and_reactions_by_their_ids_alone(
    connection: Connection, database: Database, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, sample_seconds=0.2).wait_ready("leading")
    course = await connection.fetchval("insert into courses (title, price) values ('Secret title', 1) returning id")
    student = await connection.fetchval(
        "insert into profiles (role, email, full_name) values ('student', 'ann@example.com', 'Ann Name') returning id"
    )
    await eventually(connection, "select count(*) from enrollments", equals=1)
    wait_until(lambda: "course_count_moved" in daemon.text(), "the count was moved")
    seen = state(daemon)
    activity = seen["activity"]
    assert isinstance(activity, dict)
    assert sum(activity["signups"]) == 1
    assert sum(activity["enrolled"]) == 1
    assert activity["latest"][0] | {"at": 0} == {"profile_id": str(student), "course_id": str(course), "at": 0}
    assert activity["slowest_seconds"] < 5
    for path in ("/", "/state.json", "/metrics", "/readyz", "/livez"):
        body = daemon.get(path)[1]
        assert not {word for word in ("ann@example", "Ann Name", "Secret title") if word in body}
    assert not {word for word in ("ann@example", "Ann Name", "Secret title") if word in daemon.text()}


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


def test_the_page_tells_the_truth_when_the_database_is_gone_and_when_it_is_back(start_daemon: StartDaemon) -> None:
    server = Server(NEWEST)
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
        assert daemon.metric("listener_connected") == 0
        assert daemon.metric("listener_leader") == 0
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


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, signed by itself, and its key."""
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-out", str(files[0]), "-keyout", str(files[1])),
        ],
        check=True,
        capture_output=True,
    )
    return files


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
def test_half_a_pair_is_a_mistake_said_in_one_line(settings: dict[str, str], named: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "listener", "run"],
        env=environment("postgresql://nobody@127.0.0.1:1/none", **settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"listener: {named}: ")
    assert done.stderr.count("\n") == 1
    assert "hush" not in done.stderr
