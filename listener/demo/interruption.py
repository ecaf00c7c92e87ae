"""Runs work until the end or a signal, and cleans up in both cases."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import anyio

from listener.errors import ListenerError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Answer = TypeVar("Answer")


async def until_interrupted(work: Callable[[], Awaitable[Answer]]) -> Answer | None:
    """The result of `work`; None if a signal ended `work`, after cleanup. Raises the ListenerError of `work`."""
    interrupted = anyio.Event()
    answers: list[Answer] = []
    with anyio.open_signal_receiver(*SIGNALS) as signals:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_cancel_on_signal, signals, tasks.cancel_scope, interrupted)
                answers.append(await work())
                tasks.cancel_scope.cancel()
        except BaseExceptionGroup as errors:
            mistake = _mistake(errors)
            if mistake is None:
                raise
            if not interrupted.is_set():  # a failure by interruption is none
                raise mistake from None
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # nothing is left to stop: a late Ctrl-C is no failure
    return answers[0] if answers else None


def _mistake(errors: BaseExceptionGroup[BaseException]) -> ListenerError | None:
    """The user's mistake, if `errors` have nothing else."""
    ours, others = errors.split(ListenerError)
    if ours is None or others is not None:
        return None
    first: BaseException = ours
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first if isinstance(first, ListenerError) else None


async def _cancel_on_signal(
    signals: AsyncIterator[signal.Signals], scope: anyio.CancelScope, interrupted: anyio.Event
) -> None:
    async for _ in signals:
        interrupted.set()
        scope.cancel()
