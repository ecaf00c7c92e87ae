"""What it costs that a batch is on the disk before anybody sees it (LISTENER_DURABLE).

The enrollment's own flush is what differs, and the server's note of when a transaction committed is taken before it.
So here somebody watches: a trigger on enrollments tells by NOTIFY, as a job queue would, and the time is that at which
it is heard.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import asyncpg

from benchmarks import draining, latency, school
from benchmarks.figures import Figure, Measured, single
from benchmarks.latency import TRACKED
from benchmarks.measure import interleaved, percentile, pgbench, ratio, running_server
from benchmarks.variants import SIGN_UP, Variant
from tests.support.postgres import Server

RATE = 200
DURABLE = Variant("durable", "ours, durable", script="tells", installed=True)
NOT = Variant("not_durable", "ours", script="tells", installed=True)


def hear(server: Server, variant: Variant, seconds: int, seed: int) -> list[float]:
    """Seconds from each sign-up's commit to the moment at which somebody else hears of the enrollment."""
    since = latency.now(server, variant.name)
    heard: dict[str, float] = {}

    def note(_connection: object, _pid: int, _channel: str, profile: object) -> None:
        heard[str(profile)] = time.time()

    async def listen() -> None:
        connection = await asyncpg.connect(server.url(variant.name))
        try:
            await connection.add_listener("enrolled", note)
            await asyncio.to_thread(
                partial(pgbench, server, variant.name, SIGN_UP, seconds=seconds, clients=8, rate=RATE, seed=seed)
            )
            await asyncio.to_thread(latency.waited, server, variant.name, since)
            await connection.fetch("select")  # what was told before is heard before
        finally:
            await connection.close()

    asyncio.run(listen())
    signed_up = f"""
    select id || '|' || extract(epoch from {latency.SIGNED_UP})
    from profiles
    where {latency.SIGNED_UP} >= '{since}'
    """
    rows = (line.split("|") for line in server.psql(variant.name, signed_up).split())
    return [heard[profile] - float(at) for profile, at in rows]


def typical(server: Server, variant: Variant, seconds: int, seeds: list[int]) -> float:
    """Milliseconds that half of the students wait at most. Both variants have the same moments in a round."""
    seeds.append(len(seeds))
    return percentile(hear(server, variant, seconds, seed=len(seeds) // 2 + 1), 0.5) * 1000


@contextmanager
def both_at_work(server: Server) -> Iterator[None]:
    """While each has a daemon that leads."""
    with school.daemon(server.url(DURABLE.name), durable=True), school.daemon(server.url(NOT.name)):
        yield


def drain(server: Server, problems: list[str], *, durable: bool) -> float:
    """Seconds until the last student is enrolled, on a fresh copy."""
    return draining.drain_copy(server, school.INSTALLED.name, problems, durable=durable).enrolled_seconds


def run(*, quick: bool) -> Measured:
    """Latency and draining: durable ÷ not."""
    rounds, seconds, drained = (1, 2, 5_000) if quick else (5, 4, 100_000)
    problems: list[str] = []
    both = (DURABLE, NOT)
    with running_server(**TRACKED) as server:
        for variant in both:
            variant.create(server)
        with both_at_work(server):
            for variant in both:
                hear(server, variant, 1, seed=1)
            seeds: list[int] = []
            waited = interleaved(rounds, *(partial(typical, server, variant, seconds, seeds) for variant in both))
            for variant in both:
                school.wait_idle(server, variant.name)
                problems += school.problems(server, variant.name, variant.label)
        school.INSTALLED.create(server)
        draining.sign_up(server, school.INSTALLED.name, drained)
        taken = interleaved(
            max(1, rounds // 2), *(partial(drain, server, problems, durable=durable) for durable in (True, False))
        )
    what = f"{RATE} sign-ups/s, own flush, until another session hears of the enrollment, p50"
    return Measured(
        (
            Figure("latency", f"{what}: LISTENER_DURABLE ÷ without", ratio(*waited)),
            single("latency_durable", f"{what}, LISTENER_DURABLE", waited[0], "ms"),
            single("latency_not", f"{what}, without", waited[1], "ms"),
            Figure("draining", f"time to drain {drained:,} sign-ups: LISTENER_DURABLE ÷ without", ratio(*taken)),
        ),
        {"latency_milliseconds": waited, "draining_seconds": taken},
        tuple(problems),
    )
