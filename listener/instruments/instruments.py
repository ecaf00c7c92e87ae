"""A daemon's instruments: an object for every part that reports."""

from dataclasses import dataclass, replace

from listener.instruments.activity import Activity
from listener.instruments.metrics import Metrics
from listener.instruments.state import State
from listener.logs import Logger


@dataclass(frozen=True)
class Instruments:
    """A daemon's metrics, state and log."""

    state: State
    metrics: Metrics
    log: Logger

    @classmethod
    def of_daemon(cls, heartbeat_seconds: float, log: Logger) -> "Instruments":
        state, metrics = State(heartbeat_seconds), Metrics()
        metrics.show_problems(state.has_problem)
        return cls(state, metrics, log)

    @property
    def activity(self) -> Activity:
        return self.state.activity

    def logging_to(self, log: Logger) -> "Instruments":
        """The same with another log."""
        return replace(self, log=log)
