"""Whether somebody's open transaction, with an id, makes students wait the longer the longer it stays open."""

import time

from benchmarks import latency, school
from benchmarks.figures import Figure, Goal, Measured, single
from benchmarks.measure import open_transaction, percentile, pgbench, ratio, running_server
from benchmarks.variants import SIGN_UP
from tests.support.postgres import Server

RATE = 100


def behind(server: Server, database: str, *, open_seconds: int, seconds: int, seed: int) -> list[float]:
    """Seconds that students wait in the last `seconds` of a foreign transaction open for `open_seconds`."""
    opened = time.monotonic()
    with open_transaction(server, database, "begin", "select pg_current_xact_id()"):
        before = max(1, round(open_seconds - seconds - (time.monotonic() - opened)))
        pgbench(server, database, SIGN_UP, seconds=before, clients=latency.CLIENTS, rate=RATE, seed=seed)
        return latency.sign_up(server, database, rate=RATE, seconds=seconds, seed=seed)


def run(*, quick: bool) -> Measured:
    """Reaction latency while a foreign transaction with an id stays open ÷ without."""
    rounds, open_seconds, seconds = (1, 5, 2) if quick else (3, 25, 6)
    database = school.INSTALLED.name
    with_it, without = [], []
    with running_server(**latency.TRACKED) as server:
        school.INSTALLED.create(server)
        with school.daemon(server.url(database)) as process:
            latency.sign_up(server, database, rate=RATE, seconds=2, seed=1)
            for seed in range(1, rounds + 1):
                with_it.append(behind(server, database, open_seconds=open_seconds, seconds=seconds, seed=seed))
                without.append(latency.sign_up(server, database, rate=RATE, seconds=seconds, seed=seed))
            school.wait_idle(server, database)
            problems = [*school.daemon_problems(process, "ours"), *school.problems(server, database, "ours")]
    figures: list[Figure] = []
    for name, share, goal in (("p50", 0.5, Goal(at_most=1.2)), ("p99", 0.99, None)):
        above, below = ([percentile(each, share) * 1000 for each in values] for values in (with_it, without))
        what = f"reaction latency {name}, {RATE} sign-ups/s, last {seconds} s of a foreign transaction with an id"
        what += f" open for {open_seconds} s"
        figures.append(Figure(name, f"{what} ÷ without", ratio(above, below), goal))
        figures.append(single(f"{name}_with", what, above, "ms"))
    rounds_taken = {"with": with_it, "without": without}
    return Measured(tuple(figures), {"seconds": rounds_taken}, tuple(problems))
