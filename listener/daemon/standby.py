"""A standby: tries to lead each second, listens to the leader's heartbeat, and deposes a leader that is frozen.

Whose heartbeat is heard is told by the sender's backend pid, which nobody can forge; whose lock it is, by the
server. A leader that is silent for three heartbeats while the server is not busy for it, and while we do hear our
own, is deposed.
"""

import time
from collections.abc import Awaitable, Callable

import anyio

from listener.daemon.doorbell import Doorbell
from listener.feed.leadership import Holder, Leadership
from listener.logs import Event, Logger
from listener.monitor.state import Role, State
from listener.settings import Settings

STANDBY_SECONDS = 1.0
"""Pause between a standby's attempts to lead."""

MISSED_HEARTBEATS = 3


class Standby:
    """Waits for leadership on a connection whose session listens."""

    def __init__(
        self,
        doorbell: Doorbell,
        leadership: Leadership,
        settings: Settings,
        state: State,
        log: Logger,
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self._doorbell = doorbell
        self._leadership = leadership
        self._heartbeat = settings.heartbeat_seconds
        self._patience = MISSED_HEARTBEATS * settings.heartbeat_seconds
        self._statement_seconds = settings.statement_seconds
        self._state = state
        self._log = log
        self._pause = pause
        self._leader_pid: int | None = None
        self._since = time.monotonic()

    async def wait(self, stopping: Callable[[], bool], settled: Callable[[], None]) -> bool:
        """Wait until we lead; False if stopped before. Raises Deaf, TimeoutError, or what the connection raises.

        `settled` is called once it is known that we hear.
        """
        told = False
        while not stopping():
            with anyio.fail_after(self._heartbeat):
                if await self._leadership.acquire():
                    if not self._leadership.is_deputy:
                        self._state.warning = None
                    return True
            self._state.progressed()
            if not told:
                told = True
                self._state.role = Role.STANDING_BY
                self._log.info(Event.STANDING_BY)
            await self._listen(settled)
            with anyio.fail_after(self._heartbeat):
                await self._watch()
            await self._pause(STANDBY_SECONDS)
        return False

    def _heard_at(self) -> float | None:
        return None if self._leader_pid is None else self._doorbell.heartbeats_heard.get(self._leader_pid)

    async def _listen(self, settled: Callable[[], None]) -> None:
        """Make sure that we hear: by the leader's heartbeat, or else by our own."""
        heard_at = self._heard_at()
        if heard_at is not None and (self._state.heartbeat_at or 0.0) < heard_at:
            self._state.heartbeat_at = heard_at
        last = self._state.heartbeat_at
        if last is None or time.monotonic() - last > 1.5 * self._heartbeat:
            await self._hear_ourselves()
            settled()

    async def _hear_ourselves(self) -> None:
        await self._doorbell.heartbeat(self._heartbeat)
        self._state.heartbeat_at = time.monotonic()

    async def _watch(self) -> None:
        """Look at the holder of the lock if it was silent for too long."""
        if not self._is_silent():
            return
        holder = await self._leadership.holder()
        if holder is None:
            return
        if holder.pid != self._leader_pid or holder.pid is None:
            self._leader_pid, self._since = holder.pid, time.monotonic()
            if holder.pid is not None:
                return
        elif self._works(holder):
            return
        # What the leader sent before this comes before this, so now we know what we may have missed.
        await self._hear_ourselves()
        if self._is_silent():
            await self._take_from(holder)

    def _is_silent(self) -> bool:
        if self._leader_pid is None:
            return True
        return time.monotonic() - max(self._since, self._heard_at() or 0.0) > self._patience

    def _works(self, holder: Holder) -> bool:
        """Whether the server is busy for it, and not for longer than it would wait itself; or was until a moment ago:
        the heartbeat that follows a long statement is still to come."""
        if holder.seconds is None:
            return False
        if holder.active:
            return holder.seconds < self._statement_seconds + self._patience
        return holder.is_daemon and holder.seconds < self._patience

    async def _take_from(self, holder: Holder) -> None:
        if holder.pid is not None and holder.is_daemon and await self._leadership.depose(holder.pid):
            self._log.warning(Event.LEADER_DEPOSED, pid=holder.pid, silent_seconds=round(self._patience, 1))
            self._since = time.monotonic()
            return
        if self._leadership.allow_deputy():
            self._state.warning = f"the leader's lock is held by session {holder.pid}, which is no daemon"
            self._log.warning(Event.LOCK_SQUATTED, pid=holder.pid, application_name=holder.application_name)
        self._leader_pid, self._since = None, time.monotonic()
