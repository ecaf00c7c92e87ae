"""What a sign-up pays: sign-ups a second of 16 clients, beside the other ways to do it, and what came of each."""

import random
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks import variants
from benchmarks.measure import ratio, start_server
from benchmarks.queues import PEERS, PGQUE, Queue
from benchmarks.variants import Variant
from benchmarks.workers import errors
from benchmarks.writers import Load, Writers
from tests.support.postgres import Server

EVERY = (*variants.ALL, *PEERS)
FLUSHES: dict[str, dict[str, str]] = {"own": {}, "1 ms": {"commit_delay": "1000", "commit_siblings": "0"}}
BESIDE = {
    "to_none": variants.NONE,
    "to_least": variants.LEAST,
    "to_least_looked_up": variants.LEAST_LOOKED_UP,
    "to_synchronous": variants.INCREMENT,
    "to_pgque": PGQUE,
}
"""What every variant is compared with."""
CATCH_UP = 5
"""How many times the writers' time a worker has to finish after the last round."""
SELDOM = 3
"""Of so many rounds, the last has every variant, the others only what is measured in every round."""

Rates = dict[str, dict[int, float]]
"""Sign-ups a second, by variant and round."""


@dataclass(frozen=True)
class Outcome:
    """What a database holds: who signed up, who is enrolled, who is enrolled twice, and what the courses say."""

    profiles: int
    enrolled: int
    twice: int
    counted: int

    @property
    def missing(self) -> int:
        """How many signed up and are not enrolled."""
        return self.profiles - self.enrolled

    @property
    def drift(self) -> int:
        """By how much the courses' counts are off."""
        return self.counted - self.enrolled

    def done(self, variant: Variant) -> bool:
        """Whether nothing is left to do."""
        return self.missing == 0 and (self.drift == 0 or not variant.counts)


@dataclass(frozen=True)
class Run:
    """One run of a variant."""

    per_second: float
    failed: int
    behind: int
    notify_queue: float
    outcome: Outcome
    caught_up_seconds: float | None
    errors: int
    exited: bool


def outcome(server: Server, variant: Variant) -> Outcome:
    """How many signed up, are enrolled, and are counted."""
    query = (
        "select (select count(*) from profiles), (select count(distinct user_id) from enrollments),"
        " (select count(*) - count(distinct user_id) from enrollments), (select sum(enrollments) from courses)"
    )
    return Outcome(*(int(value) for value in server.psql(variant.name, query).strip().split("|")))


def caught_up(server: Server, variant: Variant, seconds: float) -> tuple[Outcome, float | None]:
    """What it has come to once nothing is left to do, and how long that took; None if it took longer than `seconds`."""
    start = time.monotonic()
    while True:
        reached, taken = outcome(server, variant), time.monotonic() - start
        if reached.done(variant):
            return reached, taken
        if taken >= seconds:
            return reached, None
        time.sleep(0.1)


def sign_ups(server: Server, variant: Variant, load: Load, catch_up: float) -> Run:
    """One run on empty tables, with at most `catch_up` seconds to finish once the writers have stopped."""
    variant.clear(server)
    server.psql("postgres", "checkpoint")
    with variant.working(server) as worker:
        written = Writers(server, variant.name, variant.sign_up, load).wait()
        behind = outcome(server, variant)
        notify_queue = float(server.psql(variant.name, "select pg_notification_queue_usage()"))
        reached, seconds = caught_up(server, variant, 0 if worker is None else catch_up)
        return Run(
            written.per_second,
            written.failed,
            behind.missing,
            notify_queue,
            reached,
            seconds,
            0 if worker is None else errors(worker),
            worker is not None and worker.process.poll() is not None,
        )


def left_out(variant: Variant, error: Exception) -> dict[str, Any]:
    """How a result says that a queue broke in mid-run: by the last thing it said."""
    said = str(error).strip().splitlines() or ["it said nothing"]
    return {variant.name: {"label": variant.label, "skipped": f"{variant.label} broke: {said[-1]}"}}


def prepared(server: Server, wanted: Sequence[Variant]) -> tuple[list[Variant], dict[str, Any]]:
    """Those whose database could be made, and why the others are skipped."""
    ready: list[Variant] = []
    skipped: dict[str, Any] = {}
    for variant in wanted:
        reason = variant.missing()
        if reason is None:
            try:
                variant.create(server)
            except subprocess.CalledProcessError as error:
                if not isinstance(variant, Queue):
                    raise
                reason = f"{variant.label} would not install itself: {error.stderr.strip().splitlines()[-1]}"
        if reason is None:
            ready.append(variant)
        else:
            skipped[variant.name] = {"label": variant.label, "skipped": reason}
    return ready, skipped


def compared(rates: Rates, variant: str) -> dict[str, dict[str, float]]:
    """A variant ÷ each that it is compared with, of the rounds that have both."""
    told = {}
    for name, other in BESIDE.items():
        own, theirs = rates[variant], rates.get(other.name, {})
        both = [number for number in own if number in theirs]
        if both:
            told[name] = asdict(ratio([own[number] for number in both], [theirs[number] for number in both]))
    return told


def _figures(server: Server, variant: Variant, runs: dict[str, dict[int, Run]]) -> dict[str, Any]:
    own = runs[variant.name]
    rates = {name: {number: run.per_second for number, run in rounds.items()} for name, rounds in runs.items()}
    last = own[max(own)]
    return {
        "label": variant.label,
        **({"version": variant.version()} if isinstance(variant, Queue) else {}),
        "per_second": list(rates[variant.name].values()),
        **compared(rates, variant.name),
        "outcome": _told(server, variant, last, list(own.values())),
        "behind": [run.behind for run in own.values()],
        "notify_queue": max(run.notify_queue for run in own.values()),
    }


def _told(server: Server, variant: Variant, last: Run, all_runs: Sequence[Run]) -> dict[str, float | None]:
    """What came of the last run; and of all of them, what went wrong."""
    deadlocks = f"select deadlocks from pg_stat_database where datname = '{variant.name}'"
    reached = last.outcome
    told: dict[str, float | None] = {
        "profiles": reached.profiles,
        "enrolled": reached.enrolled,
        "counted": reached.counted,
        "failed": sum(run.failed for run in all_runs),
        "errors": sum(run.errors for run in all_runs),
        "workers_exited": sum(run.exited for run in all_runs),
        "deadlocks": int(server.psql("postgres", deadlocks)),
    }
    if variant.enrolls:
        told |= {"missing": reached.missing, "enrolled_twice": reached.twice}
    if variant.counts:
        told["drift"] = reached.drift
    if variant.command:
        behind = statistics.median(run.behind / run.per_second for run in all_runs)
        finished = last.caught_up_seconds
        told |= {
            "seconds_behind": round(behind, 2),
            "seconds_to_finish": None if finished is None else round(finished, 2),
        }
    return told


def run(*, rounds: int, seconds: int) -> dict[str, Any]:
    """By flush (the machine's own, and one of 1 ms) and variant: ratios, round by round, and what came of it.

    The order is another one in each round.
    """
    results: dict[str, Any] = {}
    for flush, settings in FLUSHES.items():
        server = start_server(settings)
        try:
            ready, skipped = prepared(server, EVERY)
            runs: dict[str, dict[int, Run]] = {variant.name: {} for variant in ready}
            shuffle = random.Random(flush).shuffle
            for number in range(rounds):
                order = [variant for variant in ready if variant.core or number % SELDOM == (rounds - 1) % SELDOM]
                shuffle(order)
                catch_up = CATCH_UP * seconds if number == rounds - 1 else 0
                for variant in order:
                    try:
                        runs[variant.name][number] = sign_ups(server, variant, Load(seconds), catch_up)
                    except RuntimeError as error:
                        if not isinstance(variant, Queue):
                            raise
                        ready.remove(variant)
                        del runs[variant.name]
                        skipped |= left_out(variant, error)
            results[flush] = {variant.name: _figures(server, variant, runs) for variant in ready} | skipped
        finally:
            server.destroy()
    return results
