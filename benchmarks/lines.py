"""Every benchmark there is, in the order of the table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks import (
    already_there,
    bulk,
    counting,
    crowd,
    draining,
    durable,
    held_snapshot,
    idle,
    latency,
    losses,
    network,
    open_transaction,
    rules,
    saturation,
    signups,
    updates,
    wide,
)
from benchmarks.figures import Figure, Goal, Measured
from benchmarks.measure import Spread


@dataclass(frozen=True)
class Line:
    """One benchmark: some figures, measured together."""

    name: str
    run: Callable[..., Measured]
    """Takes `quick`, and `long` if it has a long form."""
    has_long_form: bool = False


def sign_ups(*, quick: bool) -> Measured:
    """Sign-ups a second, beside the other ways to do it."""
    rounds, seconds = (1, 1) if quick else (6, 3)
    results = signups.run(rounds=rounds, seconds=seconds)
    return Measured(sign_up_figures(results), results, sign_up_problems(results))


LEAST = "the least work there is (one statement signs up and enrolls, no count), the course's id written into it"
LEAST_LOOKED_UP = "the least work of an application that looks its course up (the same statement, with a subquery)"
SIGN_UP_GOALS: tuple[tuple[str, str, str, dict[str, float | None]], ...] = (
    ("stopped", "to_none", "daemon stopped ÷ no triggers at all", {"1 ms": 0.98, "own": 0.85}),
    ("live", "to_least", f"daemon live and keeping up ÷ {LEAST}", {"1 ms": 1.0, "own": 1.0}),
    ("live", "to_least_looked_up", f"daemon live and keeping up ÷ {LEAST_LOOKED_UP}", {"1 ms": 1.0, "own": 1.0}),
    ("live", "to_pgque", "daemon live ÷ PgQue, set up as its docs advise", {"1 ms": 1.15, "own": 1.15}),
    ("live", "to_synchronous", "daemon live ÷ synchronous triggers that do the same job", {"1 ms": 12.0, "own": None}),
)


def sign_up_figures(results: dict[str, Any]) -> tuple[Figure, ...]:
    """What the goals ask of all that was measured."""
    figures = []
    for variant, beside, what, goals in SIGN_UP_GOALS:
        for flush, least in goals.items():
            measured = results.get(flush, {}).get(variant, {}).get(beside)
            if measured is not None:
                key = f"{variant}_{beside}_{flush.replace(' ', '_')}"
                goal = None if least is None else Goal(at_least=least)
                figures.append(Figure(key, f"sign-ups/s, {flush} flush: {what}", Spread(**measured), goal))
    return tuple(figures)


def sign_up_problems(results: dict[str, Any]) -> tuple[str, ...]:
    """Where ours came out wrong: each who signed up is enrolled once and counted, if the daemon is live."""
    found = []
    for flush, variants in results.items():
        for name in ("live", "stopped"):
            outcome = variants.get(name, {}).get("outcome", {})
            wrong = {what: outcome[what] for what in WRONG if outcome.get(what)}
            found += [f"{flush} flush, {name}: {number} {what.replace('_', ' ')}" for what, number in wrong.items()]
    return tuple(found)


WRONG = ("missing", "drift", "enrolled_twice", "failed", "errors", "deadlocks", "workers_exited")


LINES = (
    Line("sign_ups", sign_ups),
    Line("losses", losses.run),
    Line("updates", updates.run),
    Line("latency", latency.run),
    Line("network", network.run),
    Line("draining", draining.run),
    Line("crowd", crowd.run),
    Line("held_snapshot", held_snapshot.run, has_long_form=True),
    Line("open_transaction", open_transaction.run),
    Line("counting", counting.run),
    Line("wide", wide.run),
    Line("bulk", bulk.run),
    Line("rules", rules.run),
    Line("durable", durable.run),
    Line("already_there", already_there.run, has_long_form=True),
    Line("saturation", saturation.run),
    Line("idle", idle.run),
)
