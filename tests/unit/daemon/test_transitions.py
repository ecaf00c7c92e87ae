"""What a daemon's metrics say while it has no connection, and when another one leads."""

import structlog

from listener.daemon.transitions import Transitions
from listener.instruments.instruments import Instruments
from listener.settings import load


def led() -> tuple[Transitions, Instruments]:
    """A daemon that leads, and has sampled that three students wait."""
    instruments = Instruments.of_daemon(5.0, structlog.get_logger())
    transitions = Transitions(load(), instruments)
    transitions.connected()
    transitions.leads()
    instruments.metrics.pending_counts.set(3)
    return transitions, instruments


def figures(instruments: Instruments) -> dict[str, float | None]:
    """Who leads, and what was sampled."""
    names = ("listener_leader", "listener_pending_counts")
    return {name: instruments.metrics.registry.get_sample_value(name) for name in names}


def test_a_lost_connection_ends_leading_and_leaves_the_figures_so_that_no_alert_begins_again() -> None:
    transitions, instruments = led()
    transitions.lost(OSError("gone"))
    transitions.leads_no_more()
    assert figures(instruments) == {"listener_leader": 0, "listener_pending_counts": 3}
    transitions.connected()
    transitions.leads()
    assert figures(instruments) == {"listener_leader": 1, "listener_pending_counts": 3}


def test_figures_are_another_leader_s_once_this_daemon_stands_by() -> None:
    transitions, instruments = led()
    transitions.leads_no_more()
    transitions.connected()
    transitions.stands_by()
    assert figures(instruments) == {"listener_leader": 0, "listener_pending_counts": 0}


def test_figures_of_long_ago_are_not_kept() -> None:
    transitions, instruments = led()
    instruments.state.sample_at = instruments.state.progress_at - 301.0
    transitions.lost(OSError("gone"))
    assert figures(instruments) == {"listener_leader": 0, "listener_pending_counts": 0}
