"""How many round trips a student waits, where the network between daemon and server is slow."""

import statistics
import time

import anyio
import asyncpg

from benchmarks import latency, school
from benchmarks.delay import delayed
from benchmarks.figures import Figure, Goal, Measured, single
from benchmarks.measure import percentile, running_server

ONE_WAY_SECONDS = 0.01
ROUND_TRIP_SECONDS = 2 * ONE_WAY_SECONDS


async def round_trips(url: str, times: int = 20) -> list[float]:
    """Milliseconds that the simplest question takes on this network."""
    connection = await asyncpg.connect(url)
    taken = []
    try:
        await connection.fetchval("select 1")
        for _ in range(times):
            started = time.perf_counter()
            await connection.fetchval("select 1")
            taken.append((time.perf_counter() - started) * 1000)
    finally:
        await connection.close()
    return taken


def run(*, quick: bool) -> Measured:
    """From commit to enrolled, in round trips of 20 ms (10 ms each way), by a proxy between daemon and server."""
    rounds = 1 if quick else 3
    lengths = {5: 4, 200: 2} if quick else {5: 12, 200: 6}
    figures: list[Figure] = []
    taken = {}
    database = school.INSTALLED.name
    with running_server(**latency.TRACKED) as server:
        school.INSTALLED.create(server)
        with delayed(server.port, ONE_WAY_SECONDS) as port:
            url = server.url(database).replace(f":{server.port}/", f":{port}/")
            simplest = anyio.run(round_trips, url)
            with school.daemon(url) as process:
                for rate, seconds in lengths.items():
                    of_rate = [
                        latency.sign_up(server, database, rate=rate, seconds=seconds, seed=seed)
                        for seed in range(1, rounds + 1)
                    ]
                    taken[str(rate)] = [[round(value * 1000, 3) for value in each] for each in of_rate]
                    for name, share, goal in (("p50", 0.5, 1.5), ("p99", 0.99, 2)):
                        trips = [percentile(each, share) / ROUND_TRIP_SECONDS for each in of_rate]
                        what = f"commit to enrolled with a round trip of 20 ms in between, {rate} sign-ups/s, {name}"
                        figures.append(single(f"{name}_at_{rate}", what, trips, "round trips", Goal(at_most=goal)))
                school.wait_idle(server, database)
                problems = [*school.daemon_problems(process, "ours"), *school.problems(server, database, "ours")]
    note = f"`select 1` took {statistics.median(simplest):.1f} ms on that network; figures are divided by 20 ms."
    return Measured(
        tuple(figures), {"milliseconds": taken, "select_1_milliseconds": simplest}, tuple(problems), (note,)
    )
