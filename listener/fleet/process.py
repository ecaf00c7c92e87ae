"""A fleet as a process: its schools, its port, its signals."""

import asyncio
import os
import resource
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import anyio

from listener.build import VERSION
from listener.daemon import signals
from listener.daemon.process import tell_of_drops
from listener.fleet import web
from listener.fleet.files import check_process
from listener.fleet.fleet import Fleet
from listener.fleet.folder import readable
from listener.http.access import Access
from listener.http.port import bind
from listener.http.web import serve
from listener.instruments import spans
from listener.log_writer import LogWriter
from listener.logs import Event, Logger
from listener.settings import Settings

MOST_DESCRIPTORS = 65_536

LOOKUPS = 128
"""So many names can be looked up at a time: one whose name server does not answer holds a thread for half a minute."""


async def run(settings: Settings, log: Logger, *, writer: LogWriter | None = None) -> None:
    """Run until SIGTERM or SIGINT; a second signal, or LISTENER_SHUTDOWN_SECONDS, ends it at once.

    Raises WrongSetting if the folder cannot be read, or a setting is one of a single school; PortTaken.
    """
    folder = readable(settings)
    check_process(settings)
    access = Access.load(settings)
    _take_all_descriptors()
    _let_names_be_looked_up()
    listening = bind(settings.http_host, settings.http_port)
    host, port = listening.getsockname()[:2]
    log = log.bind(instance=f"{socket.gethostname()}:{port}")
    telling = spans.of_environment(log)
    fleet = Fleet(folder, settings, log, telling, keys=access.asks)
    metrics = web.metrics_of(fleet)
    if writer is not None:
        tell_of_drops(writer, metrics.log_lines_dropped.inc, log)
    async with anyio.create_task_group() as tasks:
        await tasks.start(signals.watch, fleet.stop, log, settings.shutdown_seconds, tasks.cancel_scope.cancel)
        await tasks.start(signals.heed_hangups, access, settings, log)
        log.info(Event.STARTING, version=VERSION, http=access.url(host, port), fleet=str(folder.path))
        await tasks.start(serve, access, web.application(settings, access, fleet, metrics), listening)
        await fleet.run()
        tasks.cancel_scope.cancel()
    telling.close()
    log.info(Event.STOPPED)


def _take_all_descriptors() -> None:
    """Each school needs one or two, and shells give few."""
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # a system may give fewer than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(few, min(most, MOST_DESCRIPTORS)), most))


def _let_names_be_looked_up() -> None:
    """Before the first is. uvloop's pool has four threads by default, of which names get half; asyncio's six or so."""
    os.environ.setdefault("UV_THREADPOOL_SIZE", str(2 * LOOKUPS))
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(LOOKUPS, "names"))
