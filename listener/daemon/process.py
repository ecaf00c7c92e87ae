"""The daemon as a process: tasks and signals."""

import socket
from collections.abc import Callable

import anyio

from listener.build import VERSION
from listener.daemon import preflight, signals
from listener.daemon.daemon import Daemon
from listener.database.connection import address
from listener.http import web
from listener.http.access import Access
from listener.http.port import bind
from listener.instruments import spans
from listener.instruments.instruments import Instruments
from listener.log_writer import LogWriter
from listener.logs import Event, Logger
from listener.settings import Settings


async def run(
    settings: Settings, log: Logger, *, stop: anyio.Event | None = None, writer: LogWriter | None = None
) -> None:
    """Run until SIGTERM, SIGINT or `stop`; a second signal, or LISTENER_SHUTDOWN_SECONDS, ends the daemon at once.

    Raises WrongSetting if the database URL, the certificate or the password cannot be had, PortTaken if the port
    cannot; MayNot if the daemon could not work under its role.
    """
    url = settings.url()
    access, database = Access.load(settings), address(url)
    listening = bind(settings.http_host, settings.http_port)
    host, port = listening.getsockname()[:2]
    log = log.bind(database=database, instance=f"{socket.gethostname()}:{port}")
    instruments = Instruments.of_daemon(settings.heartbeat_seconds, log, spans.of_environment(log))
    if writer is not None:
        tell_of_drops(writer, instruments.metrics.log_lines_dropped.inc, log)
    daemon = Daemon(settings, instruments)
    http = access.url(host, port)
    async with anyio.create_task_group() as tasks:
        await tasks.start(signals.watch, daemon.stop, log, settings.shutdown_seconds, tasks.cancel_scope.cancel)
        await tasks.start(signals.heed_hangups, access, settings, log)
        log.info(Event.STARTING, version=VERSION, http=http)
        await tasks.start(web.serve, access, web.application(settings, access, instruments), listening)
        await preflight.warn_of_the_way_there(url, log)
        if stop is not None:
            tasks.start_soon(_watch_event, stop, daemon)
        refusal = await preflight.refusal(settings)
        if refusal is None:
            await daemon.run()
        tasks.cancel_scope.cancel()
    if refusal is not None:
        raise refusal
    instruments.spans.close()
    log.info(Event.STOPPED)


async def _watch_event(stop: anyio.Event, daemon: Daemon) -> None:
    await stop.wait()
    daemon.stop()


def tell_of_drops(writer: LogWriter, count: Callable[[int], None], log: Logger) -> None:
    """Have lines that are dropped counted and told."""
    writer.on_drop = count
    writer.tell = lambda lines: log.warning(Event.LOG_LINES_DROPPED, count=lines)
