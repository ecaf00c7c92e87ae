"""What the leader learns of the reactions that somebody installed, with each heartbeat: told once, in its log."""

import json

from listener import sql
from listener.feed.consumer import Executor
from listener.logs import Event, Logger
from listener.monitor.metrics import Metrics
from listener.monitor.state import State
from listener.reactions.runner import Reactions


class Installed:
    """The reactions of one leader that are not built in."""

    def __init__(self, executor: Executor, reactions: Reactions, metrics: Metrics, state: State, log: Logger) -> None:
        self._executor = executor
        self._reactions = reactions
        self._metrics = metrics
        self._state = state
        self._log = log
        self._version = ""

    async def learn(self, version: str) -> bool:
        """`version` changes whenever what is installed does; an empty one is none at all. True if it has changed, so
        that there may be other consumers now. What this daemon told before an outage it does not tell again."""
        if version == self._version:
            return False
        row = await self._executor.fetchrow(sql.read("reactions/installed"))
        assert row is not None
        texts: dict[str, str] = json.loads(row["texts"])
        self._reactions.learn(texts)
        self._metrics.learned(texts)
        self._version = version
        if version != self._state.installed:
            self._state.installed = version
            self._log.info(Event.REACTIONS_LOADED, reactions=sorted(texts))
        return True
