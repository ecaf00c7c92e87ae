"""News that a leader learns with a heartbeat: installed reactions, and pauses. Each is logged once."""

from dataclasses import dataclass
from typing import Any

from listener import sql
from listener.database.rows import Executor, only_row
from listener.feed.pausing import Pause
from listener.instruments.instruments import Instruments
from listener.logs import Event
from listener.reactions.runner import Reactions


class InstalledReactions:
    def __init__(self, executor: Executor, reactions: Reactions, instruments: Instruments) -> None:
        self._executor = executor
        self._reactions = reactions
        self._instruments = instruments
        self._version = ""

    async def learn(self, version: str) -> bool:
        """`version` changes with any installed reaction; empty if none is installed. True if changed: then the
        consumers may have changed."""
        if version == self._version:
            return False
        row = await only_row(self._executor, sql.read("feed/registry", "texts"))
        texts: dict[str, str] = row["texts"]
        self._reactions.learn(texts)
        self._instruments.metrics.learned(texts)
        self._version = version
        if version != self._instruments.state.installed:
            self._instruments.state.installed = version
            self._instruments.log.info(Event.REACTIONS_LOADED, reactions=sorted(texts))
        return True


@dataclass(frozen=True)
class Pauses:
    reactions: Reactions
    instruments: Instruments

    def learn(self, rows: list[dict[str, Any]]) -> None:
        """`rows` are all pauses that last."""
        state, log = self.instruments.state, self.instruments.log
        known = self.reactions.consumers
        before = {(each.consumer, each.since): each for each in state.paused}
        pauses = [each for each in map(Pause.from_json, rows) if each.consumer in known]
        now = {(each.consumer, each.since): each for each in pauses}
        state.paused = tuple(pauses)
        for key, over in before.items():
            if key not in now:
                log.info(Event.RESUMED, consumer=over.consumer)
        for key, new in now.items():
            if key not in before:
                since = new.since.isoformat()
                log.warning(Event.PAUSED, consumer=new.consumer, since=since, by=new.paused_by, reason=new.reason)
        names = {each.consumer for each in pauses}
        self.reactions.pause(names)
        for consumer in known:
            self.instruments.metrics.paused.labels(consumer).set(consumer in names)
