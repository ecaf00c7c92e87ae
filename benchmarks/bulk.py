"""What one statement that inserts very many profiles pays."""

from functools import partial

from benchmarks import school
from benchmarks.figures import Figure, Goal, Measured
from benchmarks.measure import interleaved, ratio, running_server, timed
from benchmarks.variants import Variant
from tests.support.postgres import Server

INSERT = """
insert into profiles (email, role, full_name)
select 'someone@example.com', 'student', 'Some One' from generate_series(1, {rows})
"""


def insert(server: Server, variant: Variant, rows: int, problems: list[str]) -> float:
    """Seconds for one statement, on empty tables."""
    server.psql(variant.name, "truncate profiles, enrollments")
    if variant.installed:
        server.psql(variant.name, "truncate listener.change")
    server.psql("postgres", "checkpoint")
    seconds = timed(server, variant.name, INSERT.format(rows=rows))
    if variant.installed:
        noted = server.psql(variant.name, "select sum(cardinality(profile_ids)) from listener.change").strip()
        if noted != str(rows):
            problems.append(f"{noted} of {rows} profiles were noted")
    return seconds


def run(*, quick: bool) -> Measured:
    """Seconds for one statement, with our triggers ÷ without."""
    rows, rounds = (5_000, 3) if quick else (50_000, 9)
    problems: list[str] = []
    with running_server() as server:
        both = (school.INSTALLED, school.PLAIN)
        for variant in both:
            variant.create(server)
            insert(server, variant, rows, problems)
        ours, plain = interleaved(rounds, *(partial(insert, server, variant, rows, problems) for variant in both))
    what = f"one statement that inserts {rows:,} profiles: time with triggers ÷ without"
    figure = Figure("time", what, ratio(ours, plain), Goal(at_most=1.15))
    return Measured((figure,), {"seconds": {"with": ours, "without": plain}}, tuple(problems))
