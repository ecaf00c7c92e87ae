"""The daemon as a process: its tasks, and its signals."""

import signal
from collections.abc import Callable
from contextlib import suppress

import anyio
import anyio.abc

from listener import __version__
from listener.connection import address
from listener.daemon import preflight
from listener.daemon.daemon import Daemon
from listener.logs import Event, Logger
from listener.monitor import web
from listener.monitor.http_access import Access
from listener.monitor.metrics import Metrics
from listener.monitor.port import bind
from listener.monitor.state import State
from listener.settings import Settings


async def run(settings: Settings, log: Logger, *, stop: anyio.Event | None = None) -> None:
    """Run until SIGTERM, SIGINT or `stop`; a second signal, or LISTENER_SHUTDOWN_SECONDS, ends it at once.

    Raises WrongSetting if the database URL, the HTTP port, the certificate or the password cannot be had; MayNot or
    Blinded if the daemon could not work under its role.
    """
    metrics, state = Metrics(), State(settings.heartbeat_seconds)
    daemon = Daemon(settings, metrics, state, log)
    access, database = Access.load(settings), address(settings.url())
    listening = bind(settings.http_host, settings.http_port)
    host, port = listening.getsockname()[:2]
    http = f"{access.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    async with anyio.create_task_group() as tasks:
        await tasks.start(_watch_signals, daemon, log, settings.shutdown_seconds, tasks.cancel_scope.cancel)
        log.info(Event.STARTING, version=__version__, database=database, http=http)
        await tasks.start(web.serve, settings, access, metrics, state, listening)
        if stop is not None:
            tasks.start_soon(_watch_event, stop, daemon)
        refusal = await preflight.refusal(settings)
        if refusal is None:
            await daemon.run()
        tasks.cancel_scope.cancel()
    if refusal is not None:
        raise refusal
    log.info(Event.STOPPED)


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


async def _watch_event(stop: anyio.Event, daemon: Daemon) -> None:
    await stop.wait()
    daemon.stop()
