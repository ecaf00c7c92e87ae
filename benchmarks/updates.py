"""What updates of a column that is none of ours pay, and how much of that any triggers would cost that do nothing."""

from functools import partial

from benchmarks import school
from benchmarks.figures import Figure, Goal, Measured
from benchmarks.measure import interleaved, pgbench, ratio, running_server
from benchmarks.variants import Variant
from tests.support.postgres import Server

FLUSHES = {"own": {}, "1 ms": {"commit_delay": "1000", "commit_siblings": "0"}}
IDLE = Variant("idle", "triggers that do nothing", script="idle_triggers", enrolls=False, counts=False)
VARIANTS = {"with": school.INSTALLED, "idle": IDLE, "without": school.PLAIN}
FILL = """
set session_replication_role = replica;
insert into profiles (id, email, role, full_name)
select md5(n::text)::uuid, 'someone@example.com', 'student', 'Some One' from generate_series(1, {rows}) as n;
"""
UPDATE = """
\\set number random(1, {rows})
update profiles set last_seen = now() where id = md5(:number::text)::uuid;
"""
TRIGGERS = "select count(*) from pg_trigger where tgrelid = 'profiles'::regclass and not tgisinternal"


def updates(server: Server, database: str, rows: int, seconds: int) -> float:
    """Updates a second, on a table that was just vacuumed."""
    server.psql(database, "vacuum analyze profiles")
    server.psql(database, "checkpoint")
    return pgbench(server, database, UPDATE.format(rows=rows), seconds=seconds)


def run(*, quick: bool) -> Measured:
    """Updates of `last_seen` a second: with our triggers, with as many that do nothing, and with none."""
    rows, rounds, seconds = (10_000, 2, 1) if quick else (100_000, 6, 3)
    figures: list[Figure] = []
    taken = {}
    problems = []
    for flush, settings in FLUSHES.items():
        with running_server(**settings) as server:
            for variant in VARIANTS.values():
                variant.create(server)
                server.psql(variant.name, FILL.format(rows=rows))
            triggers = {name: server.psql(VARIANTS[name].name, TRIGGERS).strip() for name in ("with", "idle")}
            if triggers["with"] != triggers["idle"]:
                problems.append(f"{triggers['with']} triggers of ours are compared with {triggers['idle']}")
            measures = (partial(updates, server, each.name, rows, seconds) for each in VARIANTS.values())
            taken[flush] = dict(zip(VARIANTS, interleaved(rounds, *measures), strict=True))
            notes = server.psql(school.INSTALLED.name, "select count(*) from listener.change").strip()
            if notes != "0":
                problems.append(f"{flush} flush: updates of `last_seen` left {notes} notes")
        figures += of_flush(flush, taken[flush])
    return Measured(tuple(figures), {"per_second": taken}, tuple(problems))


def of_flush(flush: str, taken: dict[str, list[float]]) -> tuple[Figure, ...]:
    """Ours ÷ none, and what that is made of."""
    key, what = flush.replace(" ", "_"), "updates/s of an unrelated profile column"
    return (
        Figure(
            key,
            f"{what}, with triggers ÷ without, {flush} flush",
            ratio(taken["with"], taken["without"]),
            Goal(at_least=0.97),
        ),
        Figure(
            f"{key}_idle",
            f"{what}, triggers that do nothing ÷ none, {flush} flush",
            ratio(taken["idle"], taken["without"]),
        ),
        Figure(
            f"{key}_to_idle",
            f"{what}, ours ÷ triggers that do nothing, {flush} flush",
            ratio(taken["with"], taken["idle"]),
        ),
    )
