"""Follows the LMS's migrations: what was renamed is bound anew, and what cannot be followed is told, once."""

import json

from listener import sql
from listener.adapter.problems import MEND, describe
from listener.feed.consumer import Executor
from listener.logs import Event, Logger
from listener.monitor.metrics import Metrics
from listener.monitor.state import State


class Following:
    """Whether the adapter of this installation works, and what was done about it."""

    def __init__(self, executor: Executor, metrics: Metrics, state: State, log: Logger) -> None:
        self._executor = executor
        self._metrics = metrics
        self._state = state
        self._log = log

    @property
    def broken(self) -> bool:
        """Whether something is gone that cannot be done without."""
        return self._state.broken is not None

    async def follow(self) -> bool:
        """Bind anew what has another name. True if something had, and everything works now."""
        followed = await self._bind()
        problems, is_complete = await self._problems()
        if problems and await self._bind():  # what was renamed between the two
            followed = True
            problems, is_complete = await self._problems()
        if problems or is_complete:
            self._tell(problems)
        return followed and not self.broken

    async def _bind(self) -> bool:
        row = await self._executor.fetchrow(sql.read("adapter/follow"))
        followed = json.loads(row["followed"]) if row is not None else []
        if followed:
            changes = [f"{each['what']} {each['was']} is now {each['is_now']}" for each in followed]
            self._log.warning(Event.MAPPING_FOLLOWED, changes=changes)
        return bool(followed)

    async def _problems(self) -> tuple[list[dict[str, str]], bool]:
        """What keeps the adapter from working, and whether everything could be looked at."""
        row = await self._executor.fetchrow(sql.read("adapter/problems"))
        return ([], True) if row is None else (json.loads(row["problems"]), row["complete"])

    def _tell(self, problems: list[dict[str, str]]) -> None:
        described = "; ".join(map(describe, problems)) or None
        if described is not None and described != self._state.broken:
            settings = sorted({each["setting"] for each in problems if each["setting"]})
            told = [each["problem"] for each in problems]
            self._log.error(Event.MAPPING_BROKEN, problems=told, settings=settings, mend=MEND)
        elif described is None and self.broken:
            self._log.info(Event.MAPPING_MENDED)
        self._state.broken = described
        self._metrics.mapping_broken.set(0 if described is None else 1)
