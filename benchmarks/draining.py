"""How fast what happened while the daemon was down is made up for, beside one bare INSERT … SELECT of the same rows.

Each sign-up was a transaction of its own, as sign-ups are. Every measurement works on a fresh copy of the same
database, on the same server. The daemon's time runs from the moment it leads to the commit of the last enrollment, as
the server noted it; the bare insert has the same keys and constraints, no triggers, and its commit.
"""

import datetime
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import school
from benchmarks.figures import Figure, Goal, Measured, single
from benchmarks.latency import TRACKED
from benchmarks.machine import resident_mib
from benchmarks.measure import ratio, running_server, timed
from tests.support.postgres import Server, wait_until

WRITERS = 2
SIGN_UPS = """
create or replace procedure sign_up(how_many integer) language plpgsql as $$
begin
    for n in 1..how_many loop
        insert into profiles (email, role, full_name) values ('someone@example.com', 'student', 'Some One');
        commit;
    end loop;
end $$;
"""
LAST = """
select
    extract(epoch from (select max(pg_xact_commit_timestamp(xmin)) from enrollments)),
    extract(epoch from (select max(pg_xact_commit_timestamp(xmin)) from courses))
"""
COUNTS_BEHIND = (Path(__file__).parent / "sql" / "counts_behind.sql").read_text(encoding="utf-8")
BARE = f"insert into enrollments (user_id, course_id) select id, '{school.COURSE}' from profiles"


@dataclass(frozen=True)
class Drained:
    """One draining."""

    enrolled_seconds: float
    """Until the last student was enrolled."""
    counted_seconds: float
    """Until the last count was moved."""
    counts_behind_seconds: float
    """For how long, at most, an enrollment was there and not counted."""
    peak_mib: float
    longest_batch_seconds: float


def create(server: Server, name: str, template: str) -> None:
    """A database like another, once nobody is in that one any more: a killed daemon's audit may be at work yet."""
    inside = f"from pg_stat_activity where datname = '{template}'"
    server.psql("postgres", f"select pg_terminate_backend(pid) {inside}")
    wait_until(lambda: server.psql("postgres", f"select count(*) {inside}").strip() == "0", f"{template} is left alone")
    server.psql("postgres", f"create database {name} template {template} strategy file_copy")


@contextmanager
def copy(server: Server, template: str) -> Iterator[str]:
    """A fresh copy of a database."""
    create(server, "fresh", template)
    try:
        server.psql("postgres", "checkpoint")
        yield "fresh"
    finally:
        server.psql("postgres", "drop database fresh with (force)")


def sign_up(server: Server, database: str, how_many: int) -> None:
    """So many sign-ups, each a transaction, nobody listening."""
    server.psql(database, SIGN_UPS)
    call = f"set synchronous_commit = off; call sign_up({how_many // WRITERS})"
    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(lambda _: server.psql(database, call), range(WRITERS)))
    server.psql(database, "vacuum analyze")


def drain(server: Server, database: str, problems: list[str], **settings: object) -> Drained:
    """Start a daemon, and wait until it has made up for everything."""
    with school.daemon(server.url(database), log_level="debug", **settings) as process:
        if not school.wait_idle(server, database, 600):
            problems.append(f"{database}: not drained within 600 s")
        began = datetime.datetime.fromisoformat(process.events("leader_acquired")[0]["timestamp"]).timestamp()
        enrolled, counted = (float(value) - began for value in server.psql(database, LAST).strip().split("|"))
        problems += school.daemon_problems(process, "draining")
        problems += school.problems(server, database, "draining")
        return Drained(
            enrolled_seconds=enrolled,
            counted_seconds=counted,
            counts_behind_seconds=float(server.psql(database, COUNTS_BEHIND)),
            peak_mib=resident_mib(process.process.pid, peak=True),
            longest_batch_seconds=max(line["milliseconds"] for line in process.events("batch_applied")) / 1000,
        )


def bare(server: Server, template: str) -> float:
    """Seconds for the bare insert of the same rows."""
    with copy(server, template) as database:
        server.psql(database, "drop schema listener cascade")
        return timed(server, database, BARE)


def drain_copy(server: Server, template: str, problems: list[str], **settings: object) -> Drained:
    """Drain a copy."""
    with copy(server, template) as database:
        return drain(server, database, problems, **settings)


def run(*, quick: bool) -> Measured:
    """Draining ÷ the bare insert, and what memory it takes."""
    sign_ups, rounds = (10_000, 1) if quick else (400_000, 5)
    problems: list[str] = []
    inserts: list[float] = []
    drained: list[Drained] = []
    with running_server(**TRACKED) as server:
        school.INSTALLED.create(server)
        template = school.INSTALLED.name
        sign_up(server, template, sign_ups)
        for _ in range(rounds):
            inserts.append(bare(server, template))
            drained.append(drain_copy(server, template, problems))
    return Measured(
        figures(sign_ups, inserts, drained),
        {"sign_ups": sign_ups, "bare_seconds": inserts, "drained": [vars(each) for each in drained]},
        tuple(problems),
        (f"Sign-ups made while the daemon was down: {sign_ups:,}, a transaction each.",),
    )


def figures(sign_ups: int, inserts: list[float], drained: list[Drained]) -> tuple[Figure, ...]:
    """The table's lines."""
    seconds = [each.enrolled_seconds for each in drained]
    counted = [each.counted_seconds for each in drained]
    many = f"{sign_ups:,} sign-ups"
    return (
        Figure(
            "to_bare",
            f"draining {many} made while it was down ÷ one bare INSERT … SELECT of the same rows",
            ratio(inserts, seconds),
            Goal(at_least=0.85),
        ),
        Figure("counted_to_bare", "the same, until the counts are moved too", ratio(inserts, counted)),
        single(
            "counts_behind",
            "counts behind the enrollments while draining, at most",
            [each.counts_behind_seconds for each in drained],
            "s",
            Goal(at_most=2),
        ),
        single("bare_per_second", "bare INSERT … SELECT", [sign_ups / each for each in inserts], "rows/s"),
        single("per_second", "draining", [sign_ups / each for each in seconds], "sign-ups/s"),
        single(
            "peak_memory",
            f"resident memory while draining {many}, peak",
            [each.peak_mib for each in drained],
            "MiB",
            Goal(at_most=90),
        ),
        single(
            "longest_batch",
            "longest batch (one transaction) while draining",
            [each.longest_batch_seconds for each in drained],
            "s",
        ),
    )
