"""The daemon's life: connect, lead or stand by, reconnect for ever, stop when told to."""

import time

import anyio
import anyio.abc

from listener.adapter import install
from listener.connection import (
    CLOSE_SECONDS,
    Connection,
    TimedExecutor,
    close,
    connect,
    tune,
)
from listener.daemon.doorbell import Doorbell
from listener.daemon.following import Following
from listener.daemon.leader import Leader
from listener.daemon.polling import WAY_OUT, PollingExecutor, Timer
from listener.daemon.pooler import Path, examine
from listener.daemon.standby import STANDBY_SECONDS, Standby
from listener.daemon.transitions import Transitions
from listener.daemon.watchdog import Watchdog
from listener.errors import (
    CONNECTION_ERRORS,
    Deaf,
    Fenced,
    LedByAnother,
    NotInstalled,
    ReadOnly,
    WrongSetting,
    WrongVersion,
)
from listener.feed.leadership import APPLICATION_NAME, Leadership
from listener.feed.registry import consumers
from listener.logs import Event, Logger
from listener.monitor.metrics import Metrics
from listener.monitor.state import Role, State
from listener.reactions.runner import INSTALLED_SECONDS
from listener.repair import restored
from listener.repair.auditor import Auditor
from listener.settings import Settings

OUTAGES: tuple[type[Exception], ...] = (
    *CONNECTION_ERRORS,
    Deaf,
    Fenced,
    NotInstalled,
    ReadOnly,
    WrongSetting,
    WrongVersion,
)
"""What ends a connection, but not the daemon. (A setting is wrong while a secret's file is being exchanged.)"""

SETUP_SECONDS = 10.0
"""Time that a new connection may take to become useful."""

STATEMENT_CACHE_SIZE = 100


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
        self._transitions = Transitions(settings, metrics, state, log)
        self._watchdog = Watchdog(settings, state)
        self._auditor = Auditor(settings, metrics, state, log, self._wake)
        self._auditing = anyio.CancelScope()
        self._tasks: anyio.abc.TaskGroup
        self._reached = False
        self._statement_cache_size = 0  # until it is known that no pooler shares out the prepared statements

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Finish the statement in hand, then return from `run`."""
        self._stop.set()
        self._wake()
        if self._connecting is not None:
            self._connecting.cancel()

    def _wake(self) -> None:
        if self._doorbell is not None:
            self._doorbell.wake()

    async def run(self) -> None:
        """Work until stopped, whatever becomes of the database."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            tasks.start_soon(self._watchdog.run)
            while not self.stopping:
                try:
                    await self._work()
                except OUTAGES as error:
                    deaf = Deaf(seconds=self._settings.heartbeat_seconds)
                    self._transitions.lost(deaf if self._watchdog.bit else error)
                    costly = self._reached and not isinstance(error, NotInstalled | WrongVersion)
                else:
                    continue
                await self._pause(self._transitions.outage.pause(costly=costly))
            tasks.cancel_scope.cancel()
        self._state.role = Role.STOPPING

    async def _work(self) -> None:
        """One connection, from its opening to its end."""
        self._reached = False
        self._metrics.connection_attempts.inc()
        with anyio.CancelScope() as self._connecting:
            connection = await connect(
                self._settings.url(),
                application_name=APPLICATION_NAME,
                statement_cache_size=self._statement_cache_size,
            )
        if self._connecting.cancelled_caught:
            return
        self._connecting = None
        self._reached = True
        try:
            await self._serve(connection)
        except BaseException:
            connection.terminate()
            raise
        finally:
            self._doorbell = None
            self._watchdog.watch(None)
            self._leads_no_more()
            await close(connection)

    async def _serve(self, connection: Connection) -> None:
        with anyio.fail_after(SETUP_SECONDS):
            path, pid = await examine(connection, self._settings.url())
        size = 0 if path is Path.TRANSACTION_POOLER else STATEMENT_CACHE_SIZE
        if size != self._statement_cache_size:
            self._statement_cache_size = size
            return
        if path is Path.TRANSACTION_POOLER:
            await self._serve_by_polling(connection)
        else:
            await self._serve_by_listening(connection, pid)

    async def _serve_by_listening(self, connection: Connection, pid: int) -> None:
        with anyio.fail_after(SETUP_SECONDS):
            await tune(connection, durable=self._settings.durable)
            installed = await install.require(connection)
            doorbell = Doorbell(connection, pid)
            await doorbell.listen()
        self._doorbell = doorbell
        self._transitions.connected()
        self._watchdog.watch(connection, pid)
        leadership = Leadership(connection)
        standby = Standby(doorbell, leadership, self._settings, self._state, self._log, self._pause)
        if not await standby.wait(lambda: self.stopping, self._transitions.settled):
            return
        await self._prepare(connection)
        self._leads()
        log = self._log_of(installed)
        leader = Leader(
            connection, doorbell, self._settings, self._state, self._metrics, log, make_good=self._auditor.make_good
        )
        await leader.lead(lambda: self.stopping, self._transitions.settled)
        with anyio.move_on_after(CLOSE_SECONDS):
            await leadership.release()

    async def _serve_by_polling(self, connection: Connection) -> None:
        with anyio.fail_after(SETUP_SECONDS):
            async with connection.transaction():
                installed = await install.require(connection)
        log = self._log_of(installed)
        self._transitions.connected()
        self._log.warning(Event.POLLING, reason=WAY_OUT)
        self._state.warning = WAY_OUT
        within = (self._settings.statement_seconds, self._state.progressed)
        durable = self._settings.durable
        executor = PollingExecutor(connection, *within, durable=durable)
        limited = PollingExecutor(connection, *within, INSTALLED_SECONDS, durable=durable)
        while not self.stopping:
            self._doorbell = doorbell = Timer(connection, executor)
            leader = Leader(
                connection,
                doorbell,
                self._settings,
                self._state,
                self._metrics,
                log,
                (executor, limited),
                self._auditor.make_good,
            )
            try:
                with anyio.fail_after(self._settings.heartbeat_seconds):
                    await executor.fetchrow("select")
                await self._prepare(connection)
                self._leads()
                self._metrics.polling.set(1)
                await leader.lead(lambda: self.stopping, self._transitions.settled)
            except LedByAnother:
                self._leads_no_more()
                self._transitions.stands_by()
                await self._pause(STANDBY_SECONDS)

    async def _prepare(self, connection: Connection) -> None:
        """Before anything is done about changes: names are those of now, checkpoints are about this cluster."""
        executor = TimedExecutor(connection, self._settings.statement_seconds, self._state.progressed)
        await Following(executor, self._metrics, self._state, self._log).follow()
        await restored.check(connection, await consumers(connection), self._log)

    def _log_of(self, installed: install.Installation) -> Logger:
        """The log; where nothing may be written to the LMS's tables, each line of the leader's says so."""
        return self._log.bind(observing=True) if installed.mapping.observes else self._log

    def _leads(self) -> None:
        self._transitions.leads()
        self._auditing = anyio.CancelScope()
        self._tasks.start_soon(self._auditor.run, self._auditing)

    def _leads_no_more(self) -> None:
        self._transitions.leads_no_more()
        self._auditing.cancel()

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not past a stop; the loop counts as alive meanwhile."""
        give_up_at = time.monotonic() + seconds
        while (left := give_up_at - time.monotonic()) > 0 and not self.stopping:
            self._state.progressed()
            with anyio.move_on_after(min(left, 1.0)):
                await self._stop.wait()
