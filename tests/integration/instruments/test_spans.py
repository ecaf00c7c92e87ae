"""Spans: by the real SDK, and sent by a daemon to a collector over HTTP."""

import socket
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from listener.build import VERSION
from listener.database.connection import Connection
from listener.database.executors import Executors
from listener.instruments.instruments import Instruments
from listener.instruments.spans import CLOSE_SECONDS, Spans
from listener.logs import configure
from listener.reactions.batch_size import BatchSizes
from listener.reactions.runner import Reactions
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess

SIGN_UP = "insert into profiles (role) values ('student')"
REFUSE = """
create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
create trigger refuse before insert on listener.checkpoint for each row execute function refuse();
"""


async def test_each_batch_and_each_look_is_a_span_with_the_numbers_of_the_log(
    connection: Connection, course: None
) -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    log = configure("error", "json")
    instruments = Instruments.of_daemon(1.0, log, Spans(provider).of(school="north"))
    reactions = Reactions(Executors.alike(connection), instruments, BatchSizes(2000))

    async def run() -> list[tuple[str, dict[str, Any]]]:
        kept.clear()
        reactions.news()
        await reactions.run_due()
        return [(each.name, dict(each.attributes or {})) for each in kept.get_finished_spans()]

    def batch(consumer: str, **figures: int) -> tuple[str, dict[str, Any]]:
        told = {"school": "north", "consumer": consumer, **figures}
        return "batch", {f"listener.{key}": value for key, value in told.items()}

    await connection.execute(SIGN_UP)
    began = time.time_ns()
    enrolled, counted = await run()
    taken_back = {"returned": 0, "suspended": 0, "removed": 0, "held": 0}
    assert enrolled == batch("enroll", changes=2, enrolled=1, pending=0, **taken_back)
    assert counted == batch("count", changes=3, moved=1, parked=0)
    for span in kept.get_finished_spans():
        assert span.start_time is not None
        assert span.end_time is not None
        assert began <= span.start_time < span.end_time <= time.time_ns()
    await run()  # over the notes of its own doing
    assert await run() == [("look", batch("enroll")[1])]

    await connection.execute(REFUSE)
    await connection.execute(SIGN_UP)
    refused, *later = await run()
    assert refused == batch("enroll")
    assert later in ([], [batch("count")])  # counting is due after a while, and fails as well
    status = kept.get_finished_spans()[0].status
    assert not status.is_ok
    assert status.description == "no"


class Collector(ThreadingHTTPServer):
    """Takes spans by OTLP over HTTP."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.requests: list[tuple[str, ExportTraceServiceRequest]] = []
        Thread(target=self.serve_forever, daemon=True).start()

    @property
    def names(self) -> set[str]:
        return {
            span.name
            for _, request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }


class Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, ExportTraceServiceRequest.FromString(body)))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def send_to(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Daemons that start from now on send their spans to a port."""

    def send(port: int) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")

    return send


async def test_a_daemon_sends_its_spans_to_the_collector_that_is_named(
    database: Database,
    connection: Connection,
    course: None,
    start_daemon: Callable[..., DaemonProcess],
    collector: Collector,
    send_to: Callable[[int], None],
) -> None:
    send_to(collector.server_port)
    daemon = start_daemon(database, audit_seconds=1)
    await connection.execute(SIGN_UP)
    wait_until(lambda: collector.names >= {"batch", "look", "audit"}, "each kind of span")
    assert daemon.stop() == 0
    path, request = collector.requests[-1]
    assert path == "/v1/traces"
    about = {each.key: each.value.string_value for each in request.resource_spans[0].resource.attributes}
    assert about["service.name"] == "enrollment-listener"
    assert about["service.version"] == VERSION


@pytest.mark.parametrize("answers", [False, None], ids=["refuses", "never answers"])
async def test_a_collector_that_takes_nothing_holds_up_nothing(
    answers: bool | None,
    database: Database,
    connection: Connection,
    course: None,
    start_daemon: Callable[..., DaemonProcess],
    send_to: Callable[[int], None],
) -> None:
    with socket.socket() as collector:
        collector.bind(("127.0.0.1", 0))
        if answers is None:
            collector.listen()
        send_to(collector.getsockname()[1])
        daemon = start_daemon(database).wait_ready("leading")
        await connection.execute(SIGN_UP)
        await eventually(connection, "select count(*) from enrollments", equals=1)
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < CLOSE_SECONDS + 3
