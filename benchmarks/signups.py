"""What a sign-up pays: sign-ups a second of 16 clients, beside the other ways to do it."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from benchmarks import variants
from benchmarks.measure import interleaved, pgbench, ratio, start_server
from benchmarks.variants import Variant
from tests.support.postgres import Server, wait_until

CLEAR = "truncate profiles, enrollments; update courses set enrollments = 0, students = 0; vacuum analyze courses"
CLEAR_FEED = (
    "truncate listener.change; insert into listener.checkpoint (consumer, seq, handled)"
    " select consumer, max(seq) + 1, pg_current_snapshot() from listener.checkpoint group by consumer"
)


@dataclass
class Outcome:
    """What a variant had done in the end."""

    profiles: int
    enrolled: int
    counted: int


def sign_ups(server: Server, variant: Variant, seconds: int) -> float:
    """Sign-ups a second, on empty tables."""
    clear = f"{CLEAR}; {CLEAR_FEED}" if variant.installed else CLEAR
    for statement in clear.split("; "):
        server.psql(variant.name, statement)
    server.psql("postgres", "checkpoint")
    with variant.working(server):
        rate = pgbench(server, variant.name, variant.sign_up, seconds=seconds)
        if variant is variants.LIVE:
            behind = "select count(*) from unnest('{enroll,count}'::text[]) as name, listener.unhandled(name)"
            wait_until(lambda: server.psql(variant.name, behind).strip() == "0", "the daemon has kept up", 60)
    return rate


def outcome(server: Server, variant: Variant) -> Outcome:
    """How many signed up, were enrolled, and were counted."""
    query = (
        "select (select count(*) from profiles), (select count(*) from enrollments),"
        " (select sum(enrollments) from courses)"
    )
    return Outcome(*(int(value) for value in server.psql(variant.name, query).strip().split("|")))


def run(*, rounds: int, seconds: int) -> dict[str, Any]:
    """Ratios to no triggers at all, for the machine's own flush and for one of 1 ms."""
    results: dict[str, Any] = {}
    for flush, settings in (("own", {}), ("1 ms", {"commit_delay": "1000", "commit_siblings": "0"})):
        server = start_server(settings)
        try:
            for variant in variants.ALL:
                variant.create(server)
            measures = [partial(sign_ups, server, variant, seconds) for variant in variants.ALL]
            figures = dict(zip(variants.ALL, interleaved(rounds, *measures), strict=True))
            results[flush] = {
                variant.name: {
                    "label": variant.label,
                    "per_second": taken,
                    "to_none": asdict(ratio(taken, figures[variants.NONE])),
                    "to_least": asdict(ratio(taken, figures[variants.LEAST])),
                    "to_synchronous": asdict(ratio(taken, figures[variants.INCREMENT])),
                    "outcome": asdict(outcome(server, variant)),
                }
                for variant, taken in figures.items()
            }
        finally:
            server.destroy()
    return results
