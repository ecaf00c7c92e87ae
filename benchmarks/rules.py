"""What it costs that a query says who should be where: the built-in rule beside a query that says the same."""

from functools import partial

from benchmarks import draining, latency, school
from benchmarks.figures import Figure, Goal, Measured
from benchmarks.latency import TRACKED
from benchmarks.measure import interleaved, percentile, pgbench, ratio, running_server
from benchmarks.variants import NEW_CHECKPOINTS, SIGN_UP, Variant
from tests.support.postgres import Server

SAME_RULE = """
select
    profiles.id,
    (select courses.id from courses where courses.published order by courses.price, courses.created_at limit 1)
from profiles
where profiles.role = 'student'
"""

BUILT_IN = school.INSTALLED
QUERY = Variant("query", "ours, by a query", installed=True, settings=(("wanted_query", SAME_RULE),))

RATE = 200


def sign_ups(server: Server, variant: Variant, seconds: int) -> float:
    """Sign-ups a second with no daemon, on empty tables."""
    server.psql(variant.name, "truncate profiles, enrollments")
    server.psql(variant.name, "truncate listener.change, listener.blind_note")
    server.psql(variant.name, NEW_CHECKPOINTS)
    server.psql(variant.name, "checkpoint")
    return pgbench(server, variant.name, SIGN_UP, seconds=seconds)


def typical(server: Server, variant: Variant, seconds: int, seeds: list[int]) -> float:
    """Seconds from a sign-up's commit to the enrollment's, half of the time at most."""
    seeds.append(len(seeds))
    return percentile(latency.sign_up(server, variant.name, rate=RATE, seconds=seconds, seed=len(seeds)), 0.5)


def run(*, quick: bool) -> Measured:
    """Sign-ups, latency and draining: by the query ÷ by the built-in rule."""
    rounds, seconds, drained = (1, 1, 5_000) if quick else (5, 3, 100_000)
    problems: list[str] = []
    both = (QUERY, BUILT_IN)
    with running_server(**TRACKED) as server:
        for variant in both:
            variant.create(server)
            sign_ups(server, variant, 1)
        written = interleaved(rounds, *(partial(sign_ups, server, variant, seconds) for variant in both))
        for variant in both:
            sign_ups(server, variant, 1)
        seeds: list[int] = []
        with school.daemon(server.url(QUERY.name)), school.daemon(server.url(BUILT_IN.name)):
            for variant in both:
                school.wait_idle(server, variant.name)
            waited = interleaved(rounds, *(partial(typical, server, variant, seconds, seeds) for variant in both))
            for variant in both:
                school.wait_idle(server, variant.name)
                problems += school.problems(server, variant.name, variant.label)
        for variant in both:
            server.psql(variant.name, "truncate profiles, enrollments")
            server.psql(variant.name, "update courses set enrollments = 0, students = 0")
            server.psql(variant.name, "truncate listener.change, listener.blind_note")
            server.psql(variant.name, NEW_CHECKPOINTS)
            draining.sign_up(server, variant.name, drained)
        taken = interleaved(
            rounds,
            *(partial(drain, server, variant, problems) for variant in both),
        )
    return Measured(
        (
            Figure(
                "sign_ups",
                "sign-ups/s, own flush, daemon stopped: by a query ÷ by the built-in rule that it repeats",
                ratio(*written),
                Goal(at_least=0.95),
            ),
            Figure(
                "latency",
                f"reaction latency p50, {RATE} sign-ups/s: by a query ÷ by the built-in rule",
                ratio(*waited),
                Goal(at_most=1.05),
            ),
            Figure(
                "draining",
                f"time to drain {drained:,} sign-ups: by a query ÷ by the built-in rule",
                ratio(*taken),
                Goal(at_most=1.05),
            ),
        ),
        {"sign_ups": written, "latency_seconds": waited, "draining_seconds": taken},
        tuple(problems),
    )


def drain(server: Server, variant: Variant, problems: list[str]) -> float:
    """Seconds until the last student is enrolled, on a fresh copy."""
    return draining.drain_copy(server, variant.name, problems).enrolled_seconds
