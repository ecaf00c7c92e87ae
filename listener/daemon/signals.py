"""The signals of a process that serves one school or many."""

import signal
from collections.abc import Callable
from contextlib import suppress

import anyio
import anyio.abc

from listener.errors import ListenerError
from listener.http.access import Access
from listener.logs import Event, Logger
from listener.reasons import reason
from listener.settings import Settings


async def watch(
    stop: Callable[[], None],
    log: Logger,
    limit: float,
    force: Callable[[], None],
    *,
    task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """SIGTERM, SIGINT: `stop`; a second one, or `limit` seconds, `force`."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            log.info(Event.STOPPING, signal=number.name)
            stop()
            break
        with anyio.move_on_after(limit), suppress(StopAsyncIteration):
            await anext(aiter(signals))
    force()


async def heed_hangups(
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
