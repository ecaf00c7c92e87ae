"""A standby: tries to lead each second, hears the leader's heartbeat, and deposes a frozen leader.

A heartbeat's sender is known by the backend pid, which cannot be forged; the holder of the lock by the server. A leader
is deposed that was silent for three heartbeats, while the server did not work for the leader, and while we heard our
own heartbeat. `Leadership` passes over a session whose role could not lead.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

from listener.daemon.doorbell import Doorbell
from listener.daemon.onlooker import Onlooker
from listener.daemon.squatting import Squatting
from listener.daemon.transitions import Transitions
from listener.feed.leadership import Holder, Leadership
from listener.instruments.instruments import Instruments
from listener.logs import Event
from listener.settings import Settings

STANDBY_SECONDS = 1.0

MISSED_HEARTBEATS = 3


@dataclass
class Standby:
    doorbell: Doorbell
    leadership: Leadership
    settings: Settings
    instruments: Instruments
    transitions: Transitions
    squatting: Squatting
    pause: Callable[[float], Awaitable[None]]
    onlooker: Onlooker
    gives_back: Callable[[], bool] = lambda: False
    """Whether another is to lead, if one is there."""
    _leader_pid: int | None = None
    _since: float = field(default_factory=time.monotonic)
    _ended_pid: int | None = None
    _looked_at: float = float("-inf")
    _transaction: tuple[int, str | None] | None = None
    _transaction_since: float = 0.0
    _worked_at: float = float("-inf")

    @property
    def _patience(self) -> float:
        return MISSED_HEARTBEATS * self.settings.heartbeat_seconds

    async def wait(self, stopping: Callable[[], bool]) -> bool:
        """Wait until we lead; False if stopped before. Raises Deaf, TimeoutError, or the connection's errors."""
        while not stopping():
            with anyio.fail_after(self.settings.heartbeat_seconds):
                if not self.gives_back() and await self.leadership.acquire():
                    if self.leadership.is_deputy:
                        self.squatting.saw(await self.leadership.squatters())
                    return True
            self.instruments.state.progressed()
            self.transitions.stands_by()
            await self._listen()
            with anyio.fail_after(self.settings.heartbeat_seconds):
                await self._look_for_squatters()
                await self.onlooker.look()
                await self._watch()
            await self.pause(STANDBY_SECONDS)
        return False

    def _heard_at(self) -> float | None:
        return None if self._leader_pid is None else self.doorbell.heartbeats_heard.get(self._leader_pid)

    async def _listen(self) -> None:
        """Make sure that we hear: the leader's heartbeat, or else our own."""
        heard_at = self._heard_at()
        if heard_at is not None and (self.instruments.state.heartbeat_at or 0.0) < heard_at:
            self.instruments.state.heartbeat_at = heard_at
        last = self.instruments.state.heartbeat_at
        if last is None or time.monotonic() - last > 1.5 * self.settings.heartbeat_seconds:
            await self._hear_ourselves()
            self.transitions.settled()

    async def _hear_ourselves(self) -> None:
        await self.doorbell.heartbeat(self.settings.heartbeat_seconds)
        self.instruments.state.heartbeat_at = time.monotonic()

    async def _look_for_squatters(self) -> None:
        now = time.monotonic()
        if now - self._looked_at >= self._patience:
            self._looked_at = now
            self.squatting.saw(await self.leadership.squatters())

    async def _watch(self) -> None:
        """Look at the holder of the lock after too long a silence."""
        if not self._is_silent():
            return
        holder = await self.leadership.holder()
        if holder is None:
            return
        if holder.pid != self._leader_pid:
            self._leader_pid, self._since = holder.pid, time.monotonic() - self._idled(holder)
            return
        if self._works(holder):
            return
        # Earlier notifications of the leader arrive before ours: now we know that none is on the way.
        await self._hear_ourselves()
        if self._is_silent():
            await self._take_from(holder)

    def _is_silent(self) -> bool:
        if self._leader_pid is None:
            return True
        return time.monotonic() - max(self._since, self._heard_at() or 0.0) > self._patience

    def _works(self, holder: Holder) -> bool:
        """Whether the server works for the holder, within the time limit; or did so until shortly before: the next
        heartbeat is still to come."""
        if holder.active is None:
            return False
        seconds = self._seconds_as_seen(holder) if holder.seconds is None else holder.seconds
        if holder.active:
            return seconds < self.settings.statement_seconds + self._patience
        return holder.is_daemon and seconds < self._patience

    def _idled(self, holder: Holder) -> float:
        """Seconds for which a session that is no daemon has done nothing: while another leader was listened for."""
        return 0.0 if holder.is_daemon or holder.active is not False else holder.seconds or 0.0

    def _seconds_as_seen(self, holder: Holder) -> float:
        """Where activities are not tracked: since the holder's transaction was first seen, or since the last
        transaction."""
        now = time.monotonic()
        if not holder.active:
            return now - self._worked_at
        if self._transaction != (holder.pid, holder.transaction):
            self._transaction, self._transaction_since = (holder.pid, holder.transaction), now
        self._worked_at = now
        return now - self._transaction_since

    async def _take_from(self, holder: Holder) -> None:
        # Who is there though its session was ended hangs in the server, where no signal is heard: passed over, too.
        if holder.is_daemon and holder.pid != self._ended_pid and await self.leadership.depose(holder.pid):
            self._ended_pid = holder.pid
            self.instruments.log.warning(Event.LEADER_DEPOSED, pid=holder.pid, silent_seconds=round(self._patience, 1))
            self._since = time.monotonic()
            return
        if not self.leadership.pass_over(holder):
            pass
        elif holder.is_daemon:  # or of a role whose sessions our role may not end
            self.instruments.log.warning(
                Event.LEADER_PASSED_OVER, pid=holder.pid, role=holder.role, silent_seconds=round(self._patience, 1)
            )
        else:
            self.squatting.saw([*await self.leadership.squatters(), holder.as_squatter()])
        self._leader_pid, self._since = None, time.monotonic()
