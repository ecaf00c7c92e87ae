"""The daemon's changes of connection and role, reported once: in state, metrics and log."""

import ssl
import time

import asyncpg

from listener.daemon.outage import Outage
from listener.database.connection import address
from listener.errors import (
    Deaf,
    Fenced,
    MayNot,
    NotInstalled,
    SchemaOfAnother,
    SchemaTaken,
    Subscribed,
    WrongVersion,
)
from listener.instruments.instruments import Instruments
from listener.instruments.state import KEPT_SECONDS, Role
from listener.logs import Event
from listener.reasons import reason, told_to_anybody
from listener.settings import Settings

ANOTHER_CAUSE_SECONDS = 2.0
"""An outage that lasts for so long may go on for another reason than it began for: somebody must see to that. (A server
that restarts is up by then.)"""

NOT_READY = (NotInstalled, WrongVersion, SchemaOfAnother, SchemaTaken, Subscribed, MayNot)
"""The database is there, and not one that this daemon can work with."""


class Transitions:
    def __init__(self, settings: Settings, instruments: Instruments) -> None:
        self._settings = settings
        self._metrics = instruments.metrics
        self._state = instruments.state
        self._log = instruments.log
        self._was_connected = False
        self.outage = Outage()
        self._causes: set[str] = set()
        """Kinds of errors that were logged in the present outage."""

    def connected(self, warning: str | None = None) -> None:
        """A connection was made that can be of use; `warning` says with which restriction."""
        self._state.heartbeat_at = None
        self._state.warning = warning
        self._state.squatters = ()
        self._metrics.connected.set(1)
        if self._was_connected:
            self._metrics.reconnects.inc()
        self._was_connected = True
        if not self.outage.lasts:
            self._state.problem = None
            self._log.info(Event.CONNECTED, address=address(self._settings.url()))
        if warning is not None:
            self._log.warning(Event.POLLING, reason=warning)

    def settled(self) -> None:
        """Everything has worked once. Only then an outage ends: an outage that returns at once is not reported
        twice."""
        told = self.outage.over()
        if told is not None:
            self._state.problem = None
            self._log.info(Event.CONNECTED, address=address(self._settings.url()), **told)

    def leads(self) -> None:
        self._state.role = Role.LEADING
        self._metrics.leader.set(1)
        self._metrics.polling.set(self._state.warning is not None)
        self._log.info(Event.LEADER_ACQUIRED)

    def leads_no_more(self) -> None:
        self._metrics.leads_no_more()

    def stands_by(self) -> None:
        if self._state.role is not Role.STANDING_BY:
            self._metrics.figures_are_gone()
            self._state.role = Role.STANDING_BY
            self._log.info(Event.STANDING_BY)

    def stands_by_polling(self) -> None:
        """Another daemon leads, so a statement of this daemon was refused."""
        self._state.heartbeat_at = time.monotonic()
        self.stands_by()
        self.settled()

    def lost(self, error: Exception) -> None:
        """The connection was lost, or could not be made."""
        self._state.role = Role.DISCONNECTED
        self._state.problem = told_to_anybody(error)
        self._state.outage = "another_version" if isinstance(error, WrongVersion) else "not_connected"
        self._metrics.connected.set(0)
        if self._state.sample_at is not None and time.monotonic() - self._state.sample_at > KEPT_SECONDS:
            self._metrics.figures_are_gone()
        self._metrics.errors.labels(_kind(error)).inc()
        kind = type(error).__name__
        if self.outage.failed():
            self._causes = {kind}
            self._log.warning(_event(error), error=reason(error))
        elif _is_refusal(error) and kind not in self._causes and self.outage.seconds >= ANOTHER_CAUSE_SECONDS:
            self._causes.add(kind)
            self._log.warning(Event.OUTAGE_LASTS, error=reason(error))


def _kind(error: Exception) -> str:
    if isinstance(error, Deaf):
        return "heartbeat"
    return "fenced" if isinstance(error, Fenced) else "connection"


def _is_refusal(error: Exception) -> bool:
    """Whether the server runs, and refuses this daemon. (57: the server starts, stops, or has ended a session.)"""
    if isinstance(error, asyncpg.PostgresError):
        return not (error.sqlstate or "").startswith("57")
    return isinstance(error, ssl.SSLError)


def _event(error: Exception) -> Event:
    if isinstance(error, Deaf):
        return Event.HEARTBEAT_MISSED
    if isinstance(error, Fenced):
        return Event.LEADERSHIP_LOST
    if isinstance(error, NOT_READY):
        return Event.NOT_READY
    return Event.CONNECTION_LOST
