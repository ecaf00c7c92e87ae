"""What changes in a daemon's life (connected, leading, standing by, lost), told once: in its state, metrics and log."""

import time

from listener.connection import address, reason, told_to_anybody
from listener.daemon.outage import Outage
from listener.errors import Deaf, Fenced, NotInstalled, WrongVersion
from listener.logs import Event, Logger
from listener.monitor.metrics import Metrics
from listener.monitor.state import Role, State
from listener.settings import Settings


class Transitions:
    """Tells of one daemon."""

    def __init__(self, settings: Settings, metrics: Metrics, state: State, log: Logger) -> None:
        self._settings = settings
        self._metrics = metrics
        self._state = state
        self._log = log
        self._was_connected = False
        self.outage = Outage()

    def connected(self) -> None:
        """There is a connection that could be of use."""
        self._state.heartbeat_at = None
        self._state.warning = None
        self._metrics.connected.set(1)
        if self._was_connected:
            self._metrics.reconnects.inc()
        self._was_connected = True
        if not self.outage.lasts:
            self._state.problem = None
            self._log.info(Event.CONNECTED, address=address(self._settings.url()))

    def settled(self) -> None:
        """Everything has worked once: only now is an outage over, so that trouble that comes back is not told twice."""
        told = self.outage.over()
        if told is not None:
            self._state.problem = None
            self._log.info(Event.CONNECTED, address=address(self._settings.url()), **told)

    def leads(self) -> None:
        """This daemon leads now."""
        self._state.role = Role.LEADING
        self._metrics.leader.set(1)
        self._log.info(Event.LEADER_ACQUIRED)

    def leads_no_more(self) -> None:
        """If it ever did."""
        self._metrics.leads_no_more()

    def stands_by(self) -> None:
        """Another daemon leads, and this one, which polls, has asked it for its turn."""
        self._state.heartbeat_at = time.monotonic()
        if self._state.role is not Role.STANDING_BY:
            self._state.role = Role.STANDING_BY
            self._log.info(Event.STANDING_BY)
        self.settled()

    def lost(self, error: Exception) -> None:
        """The connection is lost, or could not be had."""
        self._state.role = Role.DISCONNECTED
        self._state.problem = told_to_anybody(error)
        self._metrics.connected.set(0)
        self._metrics.errors.labels(_kind(error)).inc()
        if self.outage.failed():
            self._log.warning(_event(error), error=reason(error))


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
