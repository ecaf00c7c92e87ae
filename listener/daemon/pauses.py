"""What the leader learns of pauses, with each heartbeat and as soon as one begins or ends: told once, in its log."""

import json

from listener.feed.pausing import Pause
from listener.logs import Event, Logger
from listener.monitor.metrics import Metrics
from listener.monitor.state import State
from listener.reactions.runner import Reactions


class Pauses:
    """The pauses of one leader's reactions."""

    def __init__(self, reactions: Reactions, metrics: Metrics, state: State, log: Logger) -> None:
        self._reactions = reactions
        self._metrics = metrics
        self._state = state
        self._log = log

    def learn(self, rows: str) -> None:
        """These, in JSON, are all that there are now. What this daemon has told already, before an outage or while it
        led before, is not told again."""
        known = self._reactions.consumers
        now = tuple(each for each in map(Pause.from_json, json.loads(rows)) if each.consumer in known)
        before = self._state.paused
        self._state.learned_paused(now)
        began = {(each.consumer, each.since) for each in before}
        lasts = {(each.consumer, each.since) for each in now}
        for each in before:
            if (each.consumer, each.since) not in lasts:
                self._log.info(Event.RESUMED, consumer=each.consumer)
        for each in now:
            if (each.consumer, each.since) not in began:
                self._log.warning(
                    Event.PAUSED,
                    consumer=each.consumer,
                    since=each.since.isoformat(),
                    by=each.paused_by,
                    reason=each.reason,
                )
        names = {each.consumer for each in now}
        self._reactions.pause(names)
        for consumer in known:
            self._metrics.paused.labels(consumer).set(consumer in names)
