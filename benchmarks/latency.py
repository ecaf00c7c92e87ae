"""How long a student waits: from the sign-up's commit to the enrollment's, as the server itself has noted both.

`track_commit_timestamp` has the server remember when each transaction committed, and `xmin` says which one made a row;
so nobody watches while it is measured, and every variant is measured alike. The server takes the time just before it
makes the commit durable. The sign-up's own flush is therefore in the figure; the enrollment's is not, which favours
the one who waits for it (a bare listener does, our daemon does not).
"""

from collections.abc import Sequence
from dataclasses import replace

from benchmarks import school, variants
from benchmarks.figures import Figure, Goal, Measured, single
from benchmarks.measure import percentile, pgbench, ratio, running_server, wait_for
from benchmarks.queues import PGQUE, Queue
from benchmarks.signups import left_out, prepared
from tests.support.postgres import Server

TRACKED = {"track_commit_timestamp": "on"}
CLIENTS = 8
SIGNED_UP = "pg_xact_commit_timestamp(profiles.xmin)"
WAITED = """
select coalesce(
    extract(epoch from pg_xact_commit_timestamp(enrollments.xmin) - pg_xact_commit_timestamp(profiles.xmin))::text,
    'never'
)
from profiles
left join enrollments on enrollments.user_id = profiles.id
where pg_xact_commit_timestamp(profiles.xmin) >= '{since}'
"""
PATIENCE_SECONDS = 30
PGQUE_AS_PRESET = replace(PGQUE, label="PgQue as preset")
PGQUE_AT_EVERY_TICK = replace(
    PGQUE,
    name="pgque_at_every_tick",
    label="PgQue, a batch at every tick",
    settings=(("ticker_max_count", "1"),),
)
"""As its own measurement of latency sets it; as preset, a batch waits for 500 events or three seconds."""


class Lost(Exception):
    """Sign-ups that were never enrolled."""


def waited(server: Server, database: str, since: str) -> list[float]:
    """Seconds that each student waited who signed up since then. Raises Lost."""
    missing = (
        "select exists (select from profiles where not exists (select from enrollments where user_id = profiles.id))"
    )
    wait_for(lambda: server.psql(database, missing).strip() == "f", "everyone is enrolled", PATIENCE_SECONDS)
    found = server.psql(database, WAITED.format(since=since)).split()
    if "never" in found:
        raise Lost(f"{database}: {found.count('never')} of {len(found)} were not enrolled")
    return [float(value) for value in found]


def now(server: Server, database: str) -> str:
    """The server's clock."""
    return server.psql(database, "select clock_timestamp()").strip()


def sign_up(server: Server, database: str, *, rate: float, seconds: int, seed: int) -> list[float]:
    """Seconds that each student waits while `rate` a second sign up, at random moments."""
    since = now(server, database)
    pgbench(server, database, variants.SIGN_UP, seconds=seconds, clients=CLIENTS, rate=rate, seed=seed)
    return waited(server, database, since)


def run(*, quick: bool) -> Measured:
    """Reaction latency, ours ÷ a bare listener's, at 5 and at 200 sign-ups a second; and PgQue's at 5."""
    rounds = 2 if quick else 5
    lengths = {5: 4, 200: 2} if quick else {5: 14, 200: 5}
    figures: list[Figure] = []
    taken: dict[str, dict[str, list[list[float]]]] = {}
    ours, bare = school.INSTALLED, variants.BARE
    with running_server(**TRACKED) as server:
        ours.create(server)
        bare.create(server)
        with school.daemon(server.url(ours.name)) as process, bare.working(server):
            for name in (ours.name, bare.name):
                sign_up(server, name, rate=50, seconds=1 if quick else 3, seed=1)
            for rate, seconds in lengths.items():
                of_rate: dict[str, list[list[float]]] = {"ours": [], "bare": []}
                for seed in range(1, rounds + 1):
                    for key, name in (("ours", ours.name), ("bare", bare.name)):
                        of_rate[key].append(sign_up(server, name, rate=rate, seconds=seconds, seed=seed))
                taken[str(rate)] = of_rate
                figures += of_rate_figures(rate, of_rate["ours"], of_rate["bare"])
            school.wait_idle(server, ours.name)
            problems = [*school.daemon_problems(process, "ours"), *school.problems(server, ours.name, "ours")]
        theirs, notes = of_queues(server, (PGQUE_AS_PRESET, PGQUE_AT_EVERY_TICK), seconds=4 if quick else 10)
    rounded = {
        rate: {key: [[round(value * 1000, 3) for value in each] for each in values] for key, values in of_rate.items()}
        for rate, of_rate in taken.items()
    }
    return Measured((*figures, *theirs), {"milliseconds": rounded}, tuple(problems), tuple(notes))


def of_queues(server: Server, queues: Sequence[Queue], seconds: int) -> tuple[list[Figure], list[str]]:
    """What half of the students wait at most with a queue, at 5 sign-ups a second, once; and why some is left out."""
    ready, skipped = prepared(server, queues)
    figures: list[Figure] = []
    for variant in ready:
        try:
            with variant.working(server):
                taken = sign_up(server, variant.name, rate=5, seconds=seconds, seed=1)
        except (Lost, RuntimeError) as error:
            skipped |= left_out(variant, error)
        else:
            what = f"reaction latency p50, 5 sign-ups/s, {variant.label}"
            figures.append(single(f"p50_at_5_{variant.name}", what, [percentile(taken, 0.5) * 1000], "ms"))
    return figures, sorted({told["skipped"] for told in skipped.values()})


def of_rate_figures(rate: int, ours: list[list[float]], bare: list[list[float]]) -> list[Figure]:
    """p50 and p99 as ratios, and what they are in milliseconds."""
    figures = []
    for name, share, goal in (("p50", 0.5, 1.3), ("p99", 0.99, 1.5)):
        each_ours = [percentile(values, share) * 1000 for values in ours]
        each_bare = [percentile(values, share) * 1000 for values in bare]
        what = f"reaction latency {name}, {rate} sign-ups/s"
        compared = f"{what}: ours ÷ a bare listener that inserts one row a NOTIFY"
        figures += [
            Figure(f"{name}_at_{rate}", compared, ratio(each_ours, each_bare), Goal(at_most=goal)),
            single(f"{name}_at_{rate}_ours", f"{what}, ours", each_ours, "ms"),
            single(f"{name}_at_{rate}_bare", f"{what}, bare listener", each_bare, "ms"),
        ]
    return figures
