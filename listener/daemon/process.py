"""The daemon as a process: tasks and signals."""

import signal
import socket
from collections.abc import Callable
from contextlib import suppress

import anyio
import anyio.abc

from listener import url_parameters
from listener.build import VERSION
from listener.daemon import preflight
from listener.daemon.daemon import Daemon
from listener.database.connection import address
from listener.errors import ListenerError
from listener.http import web
from listener.http.access import Access
from listener.http.port import bind
from listener.instruments.instruments import Instruments
from listener.log_writer import LogWriter
from listener.logs import Event, Logger
from listener.reasons import reason
from listener.settings import Settings
from listener.transport import weakness


async def run(
    settings: Settings, log: Logger, *, stop: anyio.Event | None = None, writer: LogWriter | None = None
) -> None:
    """Run until SIGTERM, SIGINT or `stop`; a second signal, or LISTENER_SHUTDOWN_SECONDS, ends the daemon at once.

    Raises WrongSetting if the database URL, the certificate or the password cannot be had, PortTaken if the port
    cannot; MayNot or Blinded if the daemon could not work under its role.
    """
    url = settings.url()
    access, database = Access.load(settings), address(url)
    listening = bind(settings.http_host, settings.http_port)
    host, port = listening.getsockname()[:2]
    log = log.bind(database=database, instance=f"{socket.gethostname()}:{port}")
    instruments = Instruments.of_daemon(settings.heartbeat_seconds, log)
    if writer is not None:
        writer.on_drop = instruments.metrics.log_lines_dropped.inc
        writer.tell = lambda lines: log.warning(Event.LOG_LINES_DROPPED, count=lines)
    daemon = Daemon(settings, instruments)
    http = f"{access.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    async with anyio.create_task_group() as tasks:
        await tasks.start(_watch_signals, daemon, log, settings.shutdown_seconds, tasks.cancel_scope.cancel)
        await tasks.start(_heed_hangups, access, settings, log)
        log.info(Event.STARTING, version=VERSION, http=http)
        await tasks.start(web.serve, settings, access, instruments, listening)
        await _warn_of_the_way_there(url, log)
        if stop is not None:
            tasks.start_soon(_watch_event, stop, daemon)
        refusal = await preflight.refusal(settings)
        if refusal is None:
            await daemon.run()
        tasks.cancel_scope.cancel()
    if refusal is not None:
        raise refusal
    log.info(Event.STOPPED)


async def _warn_of_the_way_there(url: str | None, log: Logger) -> None:
    """Before the password is sent for the first time."""
    ignored = url_parameters.passed_over(url)
    if ignored:
        log.warning(Event.PARAMETERS_IGNORED, parameters=ignored)
    weak = await weakness(url)
    if weak is not None:
        log.warning(
            Event.CONNECTION_UNVERIFIED,
            hosts=list(weak.hosts),
            sslmode=weak.sslmode,
            problem=weak.problem,
            mend=weak.mend,
        )


async def _watch_signals(
    daemon: Daemon,
    log: Logger,
    limit: float,
    force: Callable[[], None],
    *,
    task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            log.info(Event.STOPPING, signal=number.name)
            daemon.stop()
            break
        with anyio.move_on_after(limit), suppress(StopAsyncIteration):
            await anext(aiter(signals))
    force()


async def _heed_hangups(
    access: Access,
    settings: Settings,
    log: Logger,
    *,
    task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """SIGHUP: read files again. (That of the database's URL is read for each connection.)"""
    with anyio.open_signal_receiver(signal.SIGHUP) as signals:
        task_status.started()
        async for _ in signals:
            try:
                access.read_again(settings)
                problem = None
            except (ListenerError, OSError) as error:
                problem = reason(error)
            log.warning(Event.FILES_READ, **({} if problem is None else {"problem": problem}))


async def _watch_event(stop: anyio.Event, daemon: Daemon) -> None:
    await stop.wait()
    daemon.stop()
