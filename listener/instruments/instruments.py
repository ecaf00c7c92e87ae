"""A daemon's instruments: an object for every part that reports."""

from dataclasses import dataclass, field, replace

from listener.instruments.activity import Activity
from listener.instruments.metrics import Metrics
from listener.instruments.spans import Spans
from listener.instruments.state import State
from listener.logs import Logger


@dataclass(frozen=True)
class Instruments:
    """A daemon's metrics, state, log and spans."""

    state: State
    metrics: Metrics
    log: Logger
    spans: Spans = field(default_factory=Spans)

    @classmethod
    def of_daemon(cls, heartbeat_seconds: float, log: Logger, spans: Spans | None = None) -> "Instruments":
        state, metrics = State(heartbeat_seconds), Metrics()
        metrics.problems.known = state.codes
        return cls(state, metrics, log, spans or Spans())

    @property
    def activity(self) -> Activity:
        return self.state.activity

    def logging_to(self, log: Logger) -> "Instruments":
        """The same with another log."""
        return replace(self, log=log)
