"""The daemon's life: connect, lead or stand by, reconnect for ever, stop when told to."""

import random
import time

import anyio

from listener import install
from listener.connection import CLOSE_SECONDS, Connection, address, close, connect, reason, tune
from listener.doorbell import Doorbell
from listener.errors import CONNECTION_ERRORS, Deaf, Fenced, NotInstalled, WrongVersion
from listener.leader import Leader
from listener.leadership import Leadership
from listener.logs import Event, Logger
from listener.metrics import Metrics
from listener.settings import Settings
from listener.state import Role, State

OUTAGES: tuple[type[Exception], ...] = (*CONNECTION_ERRORS, Deaf, Fenced, NotInstalled, WrongVersion)
"""What ends a connection, but not the daemon."""

STANDBY_SECONDS = 1.0
"""Pause between a standby's attempts to lead."""

BACKOFF_SECONDS = (0.1, 30.0)
"""Shortest and longest pause between attempts to connect; each is about twice the one before."""


class Daemon:
    """One daemon: at most one connection, and a loop that outlives it."""

    def __init__(self, settings: Settings, metrics: Metrics, state: State, log: Logger) -> None:
        self._settings = settings
        self._metrics = metrics
        self._state = state
        self._log = log
        self._stop = anyio.Event()
        self._doorbell: Doorbell | None = None
        self._connecting: anyio.CancelScope | None = None
        self._outage_since: float | None = None
        self._attempts = 0
        self._was_connected = False

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Finish the statement in hand, then return from `run`."""
        self._stop.set()
        if self._doorbell is not None:
            self._doorbell.wake()
        if self._connecting is not None:
            self._connecting.cancel()

    async def run(self) -> None:
        """Work until stopped, whatever becomes of the database."""
        while not self.stopping:
            try:
                await self._work()
            except OUTAGES as error:
                self._lost(error)
            else:
                continue
            await self._pause(self._backoff())
        self._state.role = Role.STOPPING

    async def _work(self) -> None:
        """One connection, from its opening to its end."""
        self._metrics.connection_attempts.inc()
        with anyio.CancelScope() as self._connecting:
            connection = await connect(self._settings.url(), application_name="listener")
        if self._connecting.cancelled_caught:
            return
        self._connecting = None
        try:
            await self._serve(connection)
        except BaseException:
            connection.terminate()
            raise
        finally:
            self._doorbell = None
            self._metrics.leads_no_more()
            await close(connection)

    async def _serve(self, connection: Connection) -> None:
        with anyio.fail_after(self._settings.statement_seconds):
            await tune(connection)
            await install.require(connection)
            doorbell = Doorbell(connection)
            await doorbell.listen()
        self._doorbell = doorbell
        self._connected()
        leadership = Leadership(connection)
        if not await self._stand_by(leadership):
            return
        self._state.role = Role.LEADING
        self._metrics.leader.set(1)
        self._log.info(Event.LEADER_ACQUIRED)
        leader = Leader(connection, doorbell, self._settings, self._state, self._metrics, self._log)
        await leader.lead(lambda: self.stopping)
        with anyio.move_on_after(CLOSE_SECONDS):
            await leadership.release()

    async def _stand_by(self, leadership: Leadership) -> bool:
        """Wait for leadership; False if stopped before."""
        told = False
        while not self.stopping:
            with anyio.fail_after(self._settings.heartbeat_seconds):
                if await leadership.acquire():
                    return True
            self._state.progressed()
            self._state.heartbeat_at = time.monotonic()
            if not told:
                told = True
                self._state.role = Role.STANDING_BY
                self._log.info(Event.STANDING_BY)
            await self._pause(STANDBY_SECONDS)
        return False

    def _connected(self) -> None:
        self._state.problem = None
        self._metrics.connected.set(1)
        if self._was_connected:
            self._metrics.reconnects.inc()
        outage = {}
        if self._outage_since is not None:
            outage = {
                "outage_seconds": round(time.monotonic() - self._outage_since, 3),
                "attempts": self._attempts,
            }
        self._was_connected = True
        self._outage_since = None
        self._attempts = 0
        self._log.info(Event.CONNECTED, address=address(self._settings.url()), **outage)

    def _lost(self, error: Exception) -> None:
        self._state.role = Role.DISCONNECTED
        self._state.problem = reason(error)
        self._metrics.connected.set(0)
        self._metrics.errors.labels(_kind(error)).inc()
        self._attempts += 1
        if self._outage_since is None:
            self._outage_since = time.monotonic()
            self._log.warning(_event(error), error=reason(error))

    def _backoff(self) -> float:
        shortest, longest = BACKOFF_SECONDS
        pause: float = min(longest, shortest * 2.0 ** min(self._attempts - 1, 16))
        return pause * random.uniform(0.5, 1.0)  # noqa: S311

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not past a stop; the loop counts as alive meanwhile."""
        give_up_at = time.monotonic() + seconds
        while (left := give_up_at - time.monotonic()) > 0 and not self.stopping:
            self._state.progressed()
            with anyio.move_on_after(min(left, 1.0)):
                await self._stop.wait()


def _kind(error: Exception) -> str:
    if isinstance(error, Deaf):
        return "heartbeat"
    return "fenced" if isinstance(error, Fenced) else "connection"


def _event(error: Exception) -> Event:
    if isinstance(error, Deaf):
        return Event.HEARTBEAT_MISSED
    if isinstance(error, Fenced):
        return Event.LEADERSHIP_LOST
    if isinstance(error, NotInstalled | WrongVersion):
        return Event.NOT_READY
    return Event.CONNECTION_LOST
