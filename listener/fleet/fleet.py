"""All schools of one process: begun, changed and ended as their files are."""

import gc
import time

import anyio
import anyio.abc
import anyio.lowlevel
import anyio.to_thread

from listener.errors import ListenerError
from listener.fleet import files
from listener.fleet.folder import Folder
from listener.fleet.school import School
from listener.fleet.share import Share
from listener.http.page import Page
from listener.instruments.spans import Spans
from listener.instruments.state import Role
from listener.logs import Event, Logger
from listener.reasons import reason
from listener.settings import Settings

LOOK_SECONDS = 1.0
"""Pause between two looks at the folder."""

READ_SECONDS = 0.02
"""Files are read for so long at a time: reactions wait meanwhile. (One file at a time would take minutes for
thousands, while hundreds try to connect.)"""


COLLECTED_SECONDS = 3600.0
"""Pause between two collections of all garbage. What lives then is looked at no more in between: Python's own full
collection stops all schools, for a sixth of a second where there are 200, whenever a quarter more objects live."""


class Fleet:
    def __init__(self, folder: Folder, settings: Settings, log: Logger, spans: Spans, *, keys: bool) -> None:
        """`settings` are the process's."""
        self._folder = folder
        self._settings = settings
        self._log = log
        self._spans = spans
        self._keys = keys
        self._page = Page()
        self._audits = anyio.CapacityLimiter(settings.fleet_audits)
        self._looks = anyio.CapacityLimiter(1)  # the usual threads may all wait for a name server
        self._share = Share() if settings.fleet_share else None
        self.schools: dict[str, School] = {}
        self.wrong: dict[str, ListenerError] = {}
        """Why a school's file cannot be used; the school runs, if it did before."""
        self._twins: dict[str, str] = {}
        self.unreadable: str | None = None
        """Why the folder cannot be read."""
        self._ended: dict[str, anyio.Event] = {}
        self._has_looked = self._has_tried = False
        self._collected_at = float("-inf")
        self._stop = anyio.Event()
        self._tasks: anyio.abc.TaskGroup

    @property
    def has_tried(self) -> bool:
        """Whether each school that was there at the start has been tried, with success or without."""
        tried = all(each.state.role is not Role.STARTING for each in self.schools.values())
        self._has_tried = self._has_tried or (self._has_looked and tried)
        return self._has_tried

    def stopping(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """Each school finishes the statement in hand; `run` returns then."""
        self._stop.set()

    async def run(self) -> None:
        async with anyio.create_task_group() as self._tasks:
            while not self.stopping():
                await self._look()
                if self.has_tried and time.monotonic() - self._collected_at > COLLECTED_SECONDS:
                    self._collect()
                with anyio.move_on_after(LOOK_SECONDS):
                    await self._stop.wait()
            for school in self.schools.values():
                school.stop()

    def _collect(self) -> None:
        gc.unfreeze()  # of what was alive before, some is garbage by now
        gc.collect()
        gc.freeze()
        self._collected_at = time.monotonic()

    async def _look(self) -> None:
        try:
            found = await anyio.to_thread.run_sync(self._folder.files, abandon_on_cancel=True, limiter=self._looks)
        except OSError as error:
            if self.unreadable is None:
                self._log.error(Event.FLEET_UNREADABLE, error=reason(error))
            self.unreadable = reason(error)
            return
        if self.unreadable is not None:
            self.unreadable = None
            self._log.info(Event.FLEET_READABLE)
        changed, gone = self._folder.take(found, at_once=not self._has_looked)
        for name in gone:
            self.wrong.pop(name, None)
            if self._end(name):
                self._log.info(Event.SCHOOL_REMOVED, school=name)
        rested_at = time.monotonic()
        moved = [name for name, school in self.schools.items() if school.has_moved()]
        for name in dict.fromkeys((*changed, *moved)):
            self._read(name, moved=name in moved)
            if time.monotonic() - rested_at > READ_SECONDS:
                await anyio.lowlevel.checkpoint()
                rested_at = time.monotonic()
        if changed or gone or moved:
            self._look_for_twins()
        self._has_looked = True
        for school in self.schools.values():
            if school.is_stalled:
                school.begin_again()
        if self._share is not None:
            for school in self._share.to_give_back(self.schools.values()):
                school.give_back()

    def _look_for_twins(self) -> None:
        """Warn of each once. (It is not refused: two files may exchange their databases.)"""
        first: dict[str, str] = {}
        twins = {}
        for name, school in sorted(self.schools.items()):
            other = first.setdefault(school.address, name)
            if other != name:
                twins[name] = other
        for name in twins.keys() - self._twins.keys():
            self._log.warning(Event.SCHOOL_TWICE, school=name, other=twins[name])
        self._twins = twins

    def _read(self, name: str, *, moved: bool = False) -> None:
        known = self.schools.get(name)
        try:
            settings = files.read(self._folder.file(name), self._settings)
            is_known = known is not None and known.settings == settings and not moved
            school = known if known is not None and is_known else self._school(name, settings)
        except ListenerError as error:
            if str(self.wrong.get(name)) != str(error):
                self._log.error(Event.SCHOOL_WRONG, school=name, error=reason(error))
            self.wrong[name] = error
            self._folder.forget([name])  # a file that it refers to may be there at the next look
            return
        self.wrong.pop(name, None)
        if school is known:
            return
        self._log.info(Event.SCHOOL_ADDED if known is None else Event.SCHOOL_CHANGED, school=name)
        before = self._ended.get(name)
        self._end(name)
        self.schools[name] = school
        self._ended[name] = anyio.Event()
        self._tasks.start_soon(self._live, school, before, self._ended[name])

    def _school(self, name: str, settings: Settings) -> School:
        return School(name, settings, self._log, self._spans, self._audits, self._page, keys=self._keys)

    async def _live(self, school: School, before: anyio.Event | None, ended: anyio.Event) -> None:
        """`before`: the same school by other settings ends first."""
        try:
            if before is not None:
                await before.wait()
            await school.run()
        finally:
            ended.set()

    def _end(self, name: str) -> bool:
        """Whether there was one."""
        school = self.schools.pop(name, None)
        if school is None:
            return False
        school.stop()
        self._tasks.start_soon(self._hurry, school, self._ended[name])
        return True

    async def _hurry(self, school: School, ended: anyio.Event) -> None:
        with anyio.move_on_after(self._settings.shutdown_seconds):
            await ended.wait()
            return
        school.begin_again()  # it is told to stop: so it ends
