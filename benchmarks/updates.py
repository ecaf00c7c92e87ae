"""What updates of a column that is none of ours pay."""

from functools import partial

from benchmarks import school
from benchmarks.figures import Figure, Goal, Measured
from benchmarks.measure import interleaved, pgbench, ratio, running_server
from tests.support.postgres import Server

FLUSHES = {"own": {}, "1 ms": {"commit_delay": "1000", "commit_siblings": "0"}}
FILL = """
set session_replication_role = replica;
insert into profiles (id, email, role, full_name)
select md5(n::text)::uuid, 'someone@example.com', 'student', 'Some One' from generate_series(1, {rows}) as n;
"""
UPDATE = """
\\set number random(1, {rows})
update profiles set last_seen = now() where id = md5(:number::text)::uuid;
"""


def updates(server: Server, database: str, rows: int, seconds: int) -> float:
    """Updates a second, on a table that was just vacuumed."""
    server.psql(database, "vacuum analyze profiles")
    server.psql(database, "checkpoint")
    return pgbench(server, database, UPDATE.format(rows=rows), seconds=seconds)


def run(*, quick: bool) -> Measured:
    """Updates of `last_seen` a second, with our triggers ÷ without."""
    rows, rounds, seconds = (10_000, 2, 1) if quick else (100_000, 6, 4)
    figures, taken = [], {}
    problems = []
    for flush, settings in FLUSHES.items():
        with running_server(**settings) as server:
            for variant in (school.INSTALLED, school.PLAIN):
                variant.create(server)
                server.psql(variant.name, FILL.format(rows=rows))
            names = (school.INSTALLED.name, school.PLAIN.name)
            ours, plain = interleaved(rounds, *(partial(updates, server, name, rows, seconds) for name in names))
            notes = server.psql(school.INSTALLED.name, "select count(*) from listener.change").strip()
            if notes != "0":
                problems.append(f"{flush} flush: updates of `last_seen` left {notes} notes")
        taken[flush] = {"with": ours, "without": plain}
        what = f"updates/s of an unrelated profile column, with triggers ÷ without, {flush} flush"
        figures.append(Figure(flush.replace(" ", "_"), what, ratio(ours, plain), Goal(at_least=0.97)))
    return Measured(tuple(figures), {"per_second": taken}, tuple(problems))
