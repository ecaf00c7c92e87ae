"""Somebody who reaches the HTTP port, or whose page is open in a browser that does."""

import contextlib
import http.client
import json
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from listener.database.connection import Connection
from listener.http.port import REQUEST_SECONDS
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener

StartDaemon = Callable[..., DaemonProcess]
PATHS = ("/", "/state.json", "/livez", "/readyz", "/metrics", "/nowhere", "/metrics/")
PASSWORD = {"http_user": "prometheus", "http_password": "long and made up"}
RIGHT = {"Authorization": f"Basic {b64encode(b'prometheus:long and made up').decode()}"}
GUESSES = 50


def ask(
    daemon: DaemonProcess, path: str, headers: dict[str, str] | None = None, source: str = "127.0.0.1"
) -> http.client.HTTPResponse:
    """The answer to a GET, read to its end (`answer.body`)."""
    asked = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=5, source_address=(source, 0))
    asked.request("GET", path, headers=headers or {})
    answer = asked.getresponse()
    answer.body = answer.read().decode()  # type: ignore[attr-defined]
    asked.close()
    return answer


def send(daemon: DaemonProcess, request: bytes) -> bytes:
    """All that comes back before the daemon closes the connection."""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=15) as connection:
        connection.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
        return answer


def descriptors(daemon: DaemonProcess) -> int:
    """How many it has open."""
    return sum(1 for _ in Path(f"/proc/{daemon.process.pid}/fd").iterdir())


def guess(number: int) -> dict[str, str]:
    """A wrong password."""
    return {"Authorization": f"Basic {b64encode(b'prometheus:guess %d' % number).decode()}"}


@pytest.mark.parametrize(
    "host", ["attacker.example", "127.0.0.1.attacker.example:9432", "attacker.example.", "a b", "@"]
)
def test_attacker_whose_name_leads_to_the_port_reads_nothing(
    database: Database, start_daemon: StartDaemon, host: str
) -> None:
    daemon = start_daemon(database).wait_ready("leading")
    for path in PATHS:
        answer = ask(daemon, path, {"Host": host})
        assert answer.status == 421, path
        assert "LISTENER_HTTP_ALLOWED_HOSTS" in answer.body  # type: ignore[attr-defined]
        assert answer.body.count("\n") == 1  # type: ignore[attr-defined]
        assert "attacker" not in f"{answer.headers}{answer.body}"  # type: ignore[attr-defined]


def test_attackers_name_is_the_only_one_that_is_turned_away(database: Database, start_daemon: StartDaemon) -> None:
    daemon = start_daemon(database, http_allowed_hosts="school.example.com, *.internal.example").wait_ready("leading")
    expected = (
        f"127.0.0.1:{daemon.port}", "10.42.0.7:9432", "[::1]:9432", "[fd00::7]", "localhost", "LocalHost:9432",
        "a.localhost", "listener:9432", "listener", socket.gethostname(), "school.example.com",
        "SCHOOL.example.com.:443", "a.internal.example", "b.a.internal.example",
    )  # fmt: skip
    for host in expected:
        assert ask(daemon, "/metrics", {"Host": host}).status == 200, host
    for host in (
        "a.school.example.com",
        "internal.example",
        "xinternal.example",
        "[attacker.example]",
        "localhost.example",
    ):
        assert ask(daemon, "/metrics", {"Host": host}).status == 421, host
    assert b"200 OK" in send(daemon, b"GET /livez HTTP/1.0\r\n\r\n")
    for head in (b"", b"Host: a\r\nHost: localhost\r\n"):
        assert b" 400 " in send(daemon, b"GET /livez HTTP/1.1\r\n" + head + b"\r\n")


@pytest.mark.parametrize(
    "names", ["https://school.example.com", "school.example.com:443", "*.", "a..b", "*.*.com", "-"]
)
def test_attackers_host_is_not_let_in_by_a_setting_that_is_no_name(names: str) -> None:
    settings = {"http_allowed_hosts": f"a.example,{names}", "log_format": "console"}
    done = listener("postgresql://nobody@127.0.0.1:1/none", "run", check=False, **settings)
    assert done.returncode == 2
    assert done.stderr.startswith("listener: LISTENER_HTTP_ALLOWED_HOSTS: ")
    assert done.stderr.count("\n") == 1


BLANK = (b"", b"\n", b" \r\n\t\n", b"\0", b"\xff\xfe")


@pytest.mark.parametrize("content", BLANK)
@pytest.mark.parametrize("secret", ["http_password_file", "database_url_file"])
def test_attacker_is_not_let_in_by_a_secret_that_was_not_filled_in(secret: str, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    settings = {"http_user": "prometheus", "http_password": "another", "log_format": "console", secret: str(file)}
    done = listener("postgresql://nobody@127.0.0.1:1/none", "run", check=False, **settings)
    assert done.returncode == 2
    assert done.stderr.startswith(f"listener: LISTENER_{secret.upper()}: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("name", "value"), [("password", ""), ("password", " \t "), ("user", ""), ("user", "a:b")])
def test_attacker_is_not_let_in_by_a_blank_setting(name: str, value: str) -> None:
    settings = PASSWORD | {f"http_{name}": value, "log_format": "console"}
    done = listener("postgresql://nobody@127.0.0.1:1/none", "run", check=False, **settings)
    assert done.returncode == 2
    assert done.stderr.startswith(f"listener: LISTENER_HTTP_{name.upper()}: ")
    assert done.stderr.count("\n") == 1


async def test_attacker_who_floods_the_metrics_has_them_rendered_once_a_second(
    database: Database, connection: Connection, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, sample_seconds=0.05).wait_ready("leading")
    await connection.execute("insert into courses (title, price) values ('course', 0)")
    stop, bodies = threading.Event(), set()

    def flood() -> None:
        asked = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
        while not stop.is_set():
            asked.request("GET", "/metrics", headers={"Accept": "text/plain"})
            bodies.add(asked.getresponse().read())
        asked.close()

    flooders = [threading.Thread(target=flood) for _ in range(8)]
    began = time.monotonic()
    for each in flooders:
        each.start()
    try:
        for number in range(1, 41):
            await connection.execute("insert into profiles (role) values ('student')")
            await eventually(connection, "select count(*) from enrollments", equals=number)
            assert daemon.get("/livez")[0] == 200
    finally:
        stop.set()
        for each in flooders:
            each.join()
    assert len(bodies) <= time.monotonic() - began + 2


async def test_attacker_who_pipelines_and_never_reads_is_ended_and_has_one_answer(
    database: Database, connection: Connection, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, heartbeat_seconds=1).wait_ready("leading")
    await connection.execute("insert into courses (title, price) values ('course', 0)")
    before = descriptors(daemon)
    pipelined = b"GET /metrics HTTP/1.1\r\nHost: listener\r\n\r\n" * 2_000
    with contextlib.ExitStack() as opened:
        greedy = []
        for _ in range(100):
            each = opened.enter_context(socket.socket())
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            each.settimeout(10)
            each.connect(("127.0.0.1", daemon.port))
            each.setblocking(False)
            with contextlib.suppress(OSError):
                each.send(pipelined)
            greedy.append(each)
        for number in range(1, 11):
            assert daemon.get("/livez")[0] == 200
            await connection.execute("insert into profiles (role) values ('student')")
            await eventually(connection, "select count(*) from enrollments", equals=number)
        wait_until(lambda: descriptors(daemon) <= before + 1, "all of them were closed", REQUEST_SECONDS + 10)
        for each in greedy:
            answers = b""
            with contextlib.suppress(OSError):
                while piece := each.recv(65536):
                    answers += piece
            assert answers.count(b"HTTP/1.1 ") <= 1
    assert not daemon.events("heartbeat_missed")


def test_attacker_who_asks_and_never_reads_holds_no_connection(database: Database, start_daemon: StartDaemon) -> None:
    daemon = start_daemon(database).wait_ready("leading")
    before = descriptors(daemon)
    with contextlib.ExitStack() as opened:
        for _ in range(20):
            each = opened.enter_context(socket.socket())
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            each.connect(("127.0.0.1", daemon.port))
            each.setblocking(False)

            def ask_again(asker: socket.socket) -> None:
                with contextlib.suppress(OSError):
                    asker.send(b"GET /metrics HTTP/1.1\r\nHost: listener\r\n\r\n")

            ask_again(each)
            opened.callback(ask_again, each)

        wait_until(lambda: descriptors(daemon) <= before + 1, "all were closed", REQUEST_SECONDS + 10)
    assert daemon.get("/livez")[0] == 200


def test_attacker_who_guesses_passwords_is_slowed_down_and_nobody_else_is(
    database: Database, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database, **PASSWORD)
    daemon.told("leader_acquired")
    statuses = [ask(daemon, "/metrics", guess(number), "127.0.0.2").status for number in range(GUESSES)]
    assert set(statuses) == {401, 429}
    assert statuses == sorted(statuses)
    forged = guess(99) | {"X-Forwarded-For": "10.9.8.7", "Forwarded": "for=10.9.8.7", "X-Real-IP": "10.9.8.7"}
    refused = ask(daemon, "/metrics", forged, "127.0.0.2")
    assert refused.status == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert ask(daemon, "/metrics", RIGHT, "127.0.0.2").status == 429, "right or wrong is not said meanwhile"
    assert ask(daemon, "/metrics", RIGHT, "127.0.0.3").status == 200
    assert ask(daemon, "/livez", guess(100), "127.0.0.2").status == 200
    assert ask(daemon, "/metrics", source="127.0.0.2").status == 401, "who gives no password guesses none"
    wait_until(lambda: ask(daemon, "/metrics", RIGHT, "127.0.0.2").status == 200, "after a while it is let in", 60)


@pytest.mark.parametrize(
    ("user", "name"), [("secret_role", "secret_database"), ("postgres", "secret_database")], ids=["role", "database"]
)
def test_attacker_at_the_port_learns_neither_role_nor_database(
    database: Database, start_daemon: StartDaemon, user: str, name: str
) -> None:
    url = f"postgresql://{user}@127.0.0.1:{database.server.port}/{name}"
    daemon = DaemonProcess(url)
    try:
        daemon.told("connection_lost")
        assert f'"{user if user != "postgres" else name}"' in daemon.told("connection_lost")
        for path in PATHS:
            answer = ask(daemon, path)
            for secret in ("secret", str(database.server.port), user):
                assert secret not in f"{answer.headers}{answer.body}", path  # type: ignore[attr-defined]
        told = json.loads(daemon.get("/readyz")[1])
        assert told["reason"].startswith("the server refused the connection (")
    finally:
        daemon.clean_up()


TRICKS = (
    "//metrics", "/livez/../metrics", "/livez/%2e%2e/metrics", "/livez/..%2fmetrics", "/%6detrics", "/metrics/",
    "/METRICS", "/livez;/metrics", "/metrics;/livez", "/metrics?/livez", "/metrics%00/livez", "/readyz/%2e%2e/metrics",
    "http://localhost/metrics", "/metrics#/livez", "/./metrics", "/livez%2f..%2fmetrics", "\\metrics",
)  # fmt: skip


def test_attacker_finds_no_way_round_the_password(database: Database, start_daemon: StartDaemon) -> None:
    daemon = start_daemon(database, **PASSWORD)
    daemon.told("leader_acquired")
    for path in TRICKS:
        for method in ("GET", "HEAD", "OPTIONS", "POST", "TRACE"):
            sent = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            answer = send(daemon, sent.encode())
            assert answer.startswith((b"HTTP/1.1 401 ", b"HTTP/1.1 400 ")), (method, path, answer)
            assert b"listener_up" not in answer
            assert b"ocation:" not in answer


BODIES = (
    b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 60\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: identity, chunked\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: a\n Content-Length: 60\r\n\r\n",
)


@pytest.mark.parametrize("first", BODIES)
def test_attacker_smuggles_no_request_behind_another(
    database: Database, start_daemon: StartDaemon, first: bytes
) -> None:
    daemon = start_daemon(database).wait_ready("leading")
    answer = send(daemon, first + b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"listener_up" not in answer


def test_attacker_has_no_answer_that_a_browser_would_frame_keep_or_run(
    database: Database, start_daemon: StartDaemon
) -> None:
    daemon = start_daemon(database).wait_ready("leading")
    for path in PATHS:
        answer = ask(daemon, path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert answer.headers["Cache-Control"] == "no-store", path
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], path
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin", path
        assert answer.headers["Access-Control-Allow-Origin"] is None, path
        assert answer.headers["Server"] is None, path


ODD = (
    {"Accept": "application/openmetrics-text;version=abc"},
    {"Accept": "application/openmetrics-text;version="},
    {"Accept": "text/plain;version=1.0.0;escaping=\\u0000"},
    {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "x", "Sec-WebSocket-Version": "13"},
    {"Authorization": "Basic " + "A" * 8000},
    {"Range": "bytes=0-1"},
)


@pytest.mark.parametrize("headers", ODD)
def test_attacker_with_odd_headers_has_the_usual_answer_and_the_log_stays_empty(
    database: Database, start_daemon: StartDaemon, headers: dict[str, str]
) -> None:
    daemon = start_daemon(database).wait_ready("leading")
    for path in PATHS[:5]:
        assert ask(daemon, path, headers).status == 200, path
    assert {line["level"] for line in daemon.events()} == {"info"}, daemon.text()
    assert daemon.text().count("\n") == len(daemon.events())
