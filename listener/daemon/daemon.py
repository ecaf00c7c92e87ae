"""The daemon: a loop that outlives connections, and leads or stands by on each, until stopped."""

import time

import anyio
import anyio.abc

from listener.catalogue.installation import Installation
from listener.daemon import preflight
from listener.daemon.cause import cause
from listener.daemon.doorbell import Doorbell
from listener.daemon.following import Following
from listener.daemon.leader import Leader
from listener.daemon.onlooker import Onlooker
from listener.daemon.polling import WAY_OUT, PollingExecutor, Timer
from listener.daemon.pooler import Path, examine
from listener.daemon.squatting import Squatting
from listener.daemon.standby import STANDBY_SECONDS, Standby
from listener.daemon.transitions import Transitions
from listener.daemon.watchdog import Watchdog
from listener.database.connection import CLOSE_SECONDS, Connection, close, connect, tune
from listener.database.driver_errors import CONNECTION_ERRORS, SESSION_ENDED
from listener.database.executors import BATCH_SECONDS, PATIENT_SHARE, SINGLE_SECONDS, Executors, TimedExecutor
from listener.database.session import cache_statements
from listener.errors import (
    Deaf,
    LedByAnother,
    ListenerError,
    NotInstalled,
    SchemaOfAnother,
    SchemaTaken,
    Subscribed,
    WrongVersion,
)
from listener.feed.leadership import APPLICATION_NAME, Leadership
from listener.instruments.instruments import Instruments
from listener.instruments.lookout import Lookout
from listener.instruments.state import Role
from listener.reactions.batch_size import BatchSizes
from listener.reactions.installed import INSTALLED_SECONDS
from listener.repair import restored
from listener.repair.auditor import Auditor
from listener.settings import Settings

NOT_OURS = (NotInstalled, WrongVersion, SchemaOfAnother, SchemaTaken, Subscribed)
"""No schema, or a schema that this program cannot use."""

OUTAGES: tuple[type[Exception], ...] = (*CONNECTION_ERRORS, ListenerError)
"""The end of a connection, but not of the daemon: any fault may be under repair. (A setting is wrong while the file of
a secret is exchanged.)"""

SETUP_SECONDS = 10.0
"""Longest time until a new connection is ready to work."""

STATEMENT_CACHE_SIZE = 100

LEFT_ALONE_SECONDS = 3 * STANDBY_SECONDS
"""The lead that was given back is left alone for so long: a standby tries each second."""


class Daemon:
    def __init__(
        self, settings: Settings, instruments: Instruments, audits: anyio.CapacityLimiter | None = None
    ) -> None:
        """`audits` is shared by all daemons of a process: so many at a time."""
        self._settings = settings
        self._instruments = instruments
        self._state = instruments.state
        self._stop = anyio.Event()
        self._doorbell: Doorbell | None = None
        self._connecting: anyio.CancelScope | None = None
        self._transitions = Transitions(settings, instruments)
        self._squatting = Squatting(instruments)
        self._lookout = Lookout(instruments.state)
        self._watchdog = Watchdog(settings, instruments.state)
        self._auditor = Auditor(settings, instruments, self._wake, audits)
        self._auditing = anyio.CancelScope()
        self._tasks: anyio.abc.TaskGroup
        self._reached = False
        self._connected_at = time.monotonic()
        self._left_alone_until = float("-inf")
        self._sizes = BatchSizes(settings.batch_size)

    def stopping(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """Finish the statement in hand, then return from `run`."""
        self._stop.set()
        self._wake()
        if self._connecting is not None:
            self._connecting.cancel()

    def give_back(self) -> None:
        """Finish the statement in hand, and let a standby lead, if one takes the lead at once."""
        self._left_alone_until = time.monotonic() + LEFT_ALONE_SECONDS
        self._wake()

    def _gives_back(self) -> bool:
        return time.monotonic() < self._left_alone_until

    def _wake(self) -> None:
        if self._doorbell is not None:
            self._doorbell.wake()

    async def run(self) -> None:
        """Work until stopped: connection after connection, with pauses after outages."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            tasks.start_soon(self._watchdog.run)
            while not self.stopping():
                try:
                    await self._work()
                except OUTAGES as error:
                    deaf = Deaf(seconds=self._settings.heartbeat_seconds)
                    bitten = self._watchdog.take_bite()
                    seconds = time.monotonic() - self._connected_at
                    self._transitions.lost(deaf if bitten else await cause(error, self._settings, seconds))
                    costly = self._reached and not isinstance(error, (*NOT_OURS, *SESSION_ENDED))
                else:
                    continue
                await self._pause(self._transitions.outage.pause(costly=costly))
            tasks.cancel_scope.cancel()
        self._state.role = Role.STOPPING

    async def _work(self) -> None:
        self._reached = False
        self._instruments.metrics.connection_attempts.inc()
        with anyio.CancelScope() as self._connecting:
            connection = await connect(
                self._settings.url(),
                application_name=APPLICATION_NAME,  # and no cache, until it is known that no pooler shares it out
            )
        if self._connecting.cancelled_caught:
            return
        self._connecting = None
        self._reached, self._connected_at = True, time.monotonic()
        try:
            with anyio.fail_after(SETUP_SECONDS):
                path, pid = await examine(connection, self._settings.url())
            if path is Path.TRANSACTION_POOLER:
                await self._poll(connection)
            else:
                cache_statements(connection, STATEMENT_CACHE_SIZE)
                await self._listen(connection, pid)
        except BaseException:
            connection.terminate()
            raise
        finally:
            self._doorbell = None
            self._watchdog.watch(None)
            self._leads_no_more()
            await close(connection)

    async def _listen(self, connection: Connection, pid: int) -> None:
        """Stand by until this daemon leads, then lead, on a session that hears notifications."""
        with anyio.fail_after(SETUP_SECONDS):
            await tune(connection, durable=self._settings.durable)
            installed = await preflight.check(connection)
            doorbell = Doorbell(connection, pid)
            await doorbell.listen()
        self._doorbell = doorbell
        self._transitions.connected()
        self._watchdog.watch(connection, pid)
        leadership = Leadership(connection)
        standby = Standby(
            doorbell,
            leadership,
            self._settings,
            self._instruments,
            self._transitions,
            self._squatting,
            self._pause,
            Onlooker(connection, self._settings, self._instruments, self._lookout),
            self._gives_back,
        )
        if not await standby.wait(self.stopping):
            return
        await self._begin_to_lead(connection)
        leader = Leader(
            connection,
            doorbell,
            self._settings,
            self._instruments_of(installed),
            auditor=self._auditor,
            squatting=self._squatting,
            lookout=self._lookout,
            sizes=self._sizes,
        )
        since = time.monotonic()
        await leader.main_loop(
            lambda: (
                self.stopping() or self._gives_back() or leadership.is_heard_again(doorbell.heartbeats_heard, since)
            ),
            self._transitions.settled,
        )
        with anyio.move_on_after(CLOSE_SECONDS):
            await leadership.release()

    async def _poll(self, connection: Connection) -> None:
        """Lead whenever the lock is free, behind a transaction pooler."""
        with anyio.fail_after(SETUP_SECONDS):
            async with connection.transaction():
                installed = await preflight.check(connection)
        self._transitions.connected(WAY_OUT)
        within = (connection, self._settings.statement_seconds, self._state.progressed)
        durable = self._settings.durable
        longest = PATIENT_SHARE * self._settings.statement_seconds
        limits = (longest, min(SINGLE_SECONDS, longest), BATCH_SECONDS, INSTALLED_SECONDS)
        executor, *others = (PollingExecutor(*within, limit, durable=durable) for limit in limits)
        executors = Executors(executor, *others)
        onlooker = Onlooker(connection, self._settings, self._instruments, self._lookout)
        while not self.stopping():
            self._doorbell = doorbell = Timer(connection, executor)
            leader = Leader(
                connection,
                doorbell,
                self._settings,
                self._instruments_of(installed),
                executors,
                self._auditor,
                self._squatting,
                self._lookout,
                self._sizes,
            )
            try:
                with anyio.fail_after(self._settings.heartbeat_seconds):
                    await executor.fetchrow("select")
                await self._begin_to_lead(connection)
                await leader.main_loop(lambda: self.stopping() or self._gives_back(), self._transitions.settled)
                self._leads_no_more()
                await self._pause(self._left_alone_until - time.monotonic())
            except LedByAnother:
                self._leads_no_more()
                self._transitions.stands_by_polling()
                with anyio.fail_after(self._settings.heartbeat_seconds):
                    await onlooker.look()
                await self._pause(STANDBY_SECONDS)

    async def _begin_to_lead(self, connection: Connection) -> None:
        """Before any reaction: follow renames, and check that the checkpoints belong to this cluster."""
        executor = TimedExecutor(connection, self._settings.statement_seconds, self._state.progressed)
        await Following(executor, self._instruments).follow()
        await restored.check(connection, self._instruments.log)
        self._transitions.leads()
        self._lookout.begin_to_lead()
        self._auditing = anyio.CancelScope()
        self._tasks.start_soon(self._auditor.run, self._auditing)

    def _leads_no_more(self) -> None:
        self._transitions.leads_no_more()
        self._auditing.cancel()

    def _instruments_of(self, installed: Installation) -> Instruments:
        """For a leader: each log line says so if the LMS's tables are only observed."""
        log = self._instruments.log
        return self._instruments.logging_to(log.bind(observing=True) if installed.mapping.observes else log)

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not past a stop; the loop counts as alive meanwhile."""
        give_up_at = time.monotonic() + seconds
        while (left := give_up_at - time.monotonic()) > 0 and not self.stopping():
            self._state.progressed()
            with anyio.move_on_after(min(left, 1.0)):
                await self._stop.wait()
