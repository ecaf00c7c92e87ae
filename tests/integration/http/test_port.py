"""The HTTP port under abuse: probes get through, and the daemon goes on."""

import contextlib
import resource
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from listener.database.connection import Connection
from listener.http.port import MOST_CONNECTIONS, REQUEST_SECONDS
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess

DESCRIPTORS = 1024
"""A usual limit of a process."""
MANY = 3_000
HALF = b"GET /livez HTTP/1.1\r\nHost: listener\r\nX-Never"
Connect = Callable[..., socket.socket]


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """For somebody who opens so many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < MANY + 500:
        pytest.skip(f"this process may open {hard} descriptors, and not {MANY + 500}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, MANY + 500), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def daemon(database: Database) -> Iterator[DaemonProcess]:
    """With no more descriptors than usual; it looks at the counts every second."""
    limited = DaemonProcess(
        database.url,
        {"audit_seconds": 1, "heartbeat_seconds": 1},
        prefix=("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"),
    )
    yield limited.wait_ready("leading")
    limited.clean_up()


@pytest.fixture
def connected() -> Iterator[Connect]:
    """Opens a connection and sends something; all are closed in the end."""
    with contextlib.ExitStack() as opened:

        def connect(port: int, first: bytes, tls: ssl.SSLContext | None = None) -> socket.socket:
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            if tls is not None:
                connection = tls.wrap_socket(connection)
            opened.enter_context(connection)
            with contextlib.suppress(OSError):  # it may have had to go already
                connection.sendall(first)
            return connection

        yield connect


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side has ended it; what came before that is read and thrown away."""
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def is_answered(daemon: DaemonProcess, path: str) -> bool:
    return daemon.get(path)[0] == 200


def descriptors(daemon: DaemonProcess) -> int:
    """How many it has open."""
    return sum(1 for _ in Path(f"/proc/{daemon.process.pid}/fd").iterdir())


@pytest.mark.usefixtures("many_descriptors")
async def test_probes_and_reactions_go_on_while_thousands_of_connections_never_finish_their_request(
    daemon: DaemonProcess, connection: Connection, connected: Connect
) -> None:
    await connection.execute("insert into courses (title, price) values ('course', 0)")
    for _ in range(MANY):
        connected(daemon.port, HALF)
    for path in ("/livez", "/readyz", "/metrics") * 5:
        wait_until(partial(is_answered, daemon, path), f"{path} is answered")
    assert descriptors(daemon) < MOST_CONNECTIONS + 100
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, "select count(*) from enrollments", equals=1)
    # An audit has a connection of its own, and so has who connects again.
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name like 'listener%' and datname = current_database()"
    )
    await connection.execute("insert into profiles (role) values ('student')")
    await eventually(connection, "select count(*) from enrollments", equals=2)
    before = daemon.metric("listener_audits_total")
    wait_until(lambda: daemon.metric("listener_audits_total") > before, "it audits again", seconds=60)
    # (An audit's session may have been among those that were ended.)
    assert [each for each in daemon.events("audit_failed") if "administrator command" not in each["error"]] == []
    assert "descriptor" not in daemon.text()
    assert "Too many open files" not in daemon.text()


def test_a_request_that_does_not_end_is_ended(daemon: DaemonProcess, connected: Connect) -> None:
    pipelined = b"GET /metrics HTTP/1.1\r\nHost: listener\r\n\r\n" * 2_000
    began = time.monotonic()
    slow = [connected(daemon.port, b""), connected(daemon.port, HALF)]
    reader = connected(daemon.port, b"")
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        reader.send(pipelined)  # and never reads an answer
    sends_on = slow[1]

    def are_closed() -> bool:
        with contextlib.suppress(OSError):
            sends_on.send(b"x")  # a byte at a time does not buy time
        return all(is_closed(each) for each in slow)

    wait_until(are_closed, "both are closed", seconds=REQUEST_SECONDS + 10)
    assert time.monotonic() - began > REQUEST_SECONDS / 2, "who is slow has its time"
    before = descriptors(daemon)
    reader.close()
    assert descriptors(daemon) <= before
    assert daemon.get("/livez")[0] == 200


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00" + bytes(512),
        b"GET /livez HTTP/1.1\r\nX-Huge: " + b"x" * 1_000_000 + b"\r\n\r\n",
        b"x" * 1_000_000,
        b"GET /livez HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=["tls", "huge head", "no line", "unknown version", "http 2"],
)
@pytest.mark.half
def test_garbage_is_answered_or_ended_and_not_logged(daemon: DaemonProcess, connected: Connect, garbage: bytes) -> None:
    sent = connected(daemon.port, garbage)
    wait_until(lambda: is_closed(sent), "it is closed")
    assert daemon.get("/livez")[0] == 200
    assert {line["level"] for line in daemon.events()} == {"info"}, daemon.text()


def test_a_hundred_scrapes_at_a_time_all_have_their_answer(daemon: DaemonProcess) -> None:
    with ThreadPoolExecutor(100) as scrapers:
        answers = list(scrapers.map(lambda _: daemon.get("/metrics"), range(300)))
    assert {status for status, _ in answers} == {200}
    assert all("listener_up 1.0" in body for _, body in answers)


@pytest.mark.usefixtures("many_descriptors")
def test_with_tls_probes_get_through_beside_a_client_that_never_shakes_hands(
    database: Database, certificate: tuple[Path, Path], connected: Connect
) -> None:
    daemon = DaemonProcess(
        database.url,
        {"http_tls_cert": certificate[0], "http_tls_key": certificate[1]},
        prefix=("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"),
    )
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    try:
        daemon.told("leader_acquired")
        for _ in range(MANY):
            connected(daemon.port, b"")
        probe = connected(daemon.port, b"GET /livez HTTP/1.0\r\n\r\n", tls)
        assert b"200 OK" in probe.recv(65536)
        assert descriptors(daemon) < MOST_CONNECTIONS + 100
    finally:
        daemon.clean_up()
