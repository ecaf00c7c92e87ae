"""One school's life in a fleet: a daemon, begun again whatever ends it, until the school is told to stop."""

from contextlib import suppress

import anyio

from listener.daemon import preflight
from listener.daemon.daemon import Daemon
from listener.database.connection import address
from listener.errors import WrongSetting
from listener.fleet.folder import mark
from listener.http import web
from listener.http.page import Page
from listener.instruments.instruments import Instruments
from listener.instruments.spans import Spans
from listener.logs import Event, Logger
from listener.reasons import reason
from listener.settings import Settings

AGAIN_SECONDS = 5.0
"""Pause after an error that nobody foresaw."""


class School:
    def __init__(
        self,
        name: str,
        settings: Settings,
        log: Logger,
        spans: Spans,
        audits: anyio.CapacityLimiter,
        page: Page,
        *,
        keys: bool,
    ) -> None:
        """`keys` of students and courses may be shown."""
        self.name, self.settings = name, settings
        self._audits = audits
        self.address = address(settings.url())
        self._url_file = self._url_file_seen = self._mark_of_url()
        log = log.bind(school=name, database=self.address)
        self.instruments = Instruments.of_daemon(settings.heartbeat_seconds, log, spans.of(school=name))
        self.state = self.instruments.state
        self.paths = web.paths(settings, self.instruments, page, keys=keys)
        self.longest_stall = web.longest_stall(settings)
        self._stop = anyio.Event()
        self._life = anyio.CancelScope()
        self._daemon = self._new_daemon()

    @property
    def is_stalled(self) -> bool:
        return self.state.stalled_for() > self.longest_stall

    def has_moved(self) -> bool:
        """Whether the file of its address says another by now, and said so at the last look. (A new password is read
        with the next connection.)"""
        seen, before = self._mark_of_url(), self._url_file_seen
        self._url_file_seen = seen
        if seen == self._url_file or seen != before:
            return False
        self._url_file = seen
        with suppress(WrongSetting):
            return address(self.settings.url()) != self.address
        return False

    def _mark_of_url(self) -> object:
        file = self.settings.database_url_file
        with suppress(OSError):
            return None if file is None else mark(file)
        return None

    def stop(self) -> None:
        """Finish the statement in hand; `run` returns then."""
        self._stop.set()
        self._daemon.stop()

    def give_back(self) -> None:
        """Let another process lead."""
        self.instruments.log.info(Event.LEAD_GIVEN_BACK)
        self._daemon.give_back()

    def begin_again(self) -> None:
        """Its loop makes no progress."""
        self._life.cancel()

    async def run(self) -> None:
        while not self._stop.is_set():
            self.state.progressed()
            error: BaseException | None = None
            with anyio.CancelScope() as self._life:
                try:
                    await self._serve()
                except Exception as unforeseen:  # noqa: BLE001 - the others go on
                    error = unforeseen
            if self._stop.is_set():
                return
            told = reason(error) if error is not None else f"no progress for {self.longest_stall:.0f} s"
            self.instruments.log.error(Event.SCHOOL_BEGINS_AGAIN, error=told, exc_info=error)
            self.instruments.metrics.errors.labels("chore").inc()
            await self._pause(AGAIN_SECONDS)
            self._daemon = self._new_daemon()

    async def _serve(self) -> None:
        """Until it is stopped."""
        with suppress(WrongSetting):  # the file of its URL is being exchanged
            await preflight.warn_of_the_way_there(self.settings.url(), self.instruments.log)
        await self._daemon.run()

    def _new_daemon(self) -> Daemon:
        return Daemon(self.settings, self.instruments, self._audits)

    async def _pause(self, seconds: float) -> None:
        self.state.progressed()
        with anyio.move_on_after(seconds):
            await self._stop.wait()
