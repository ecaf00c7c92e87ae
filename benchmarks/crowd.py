"""How long somebody waits who signs up behind a crowd: of an import, of an outage, of a new rule.

The crowd is there, 50 a second sign up, each in a transaction of their own, and those of them count who were enrolled
before the last of the crowd was. Without the express lane they are enrolled when it is their turn: then
`listener.fresh` finds nothing. What the lane costs is the processor time of the daemon and of its backend, until the
crowd is drained.
"""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import school
from benchmarks.draining import copy, sign_up
from benchmarks.figures import Figure, Goal, Measured, single
from benchmarks.latency import TRACKED
from benchmarks.measure import cpu_seconds, percentile, ratio, running_server, wait_for
from benchmarks.rules import SAME_RULE
from benchmarks.variants import Variant
from tests.conftest import install_script
from tests.support.postgres import Server
from tests.support.process import DaemonProcess

RATE = 50
LONGEST = 600
FRESH = "insert into profiles (email, role, full_name) values ('fresh@example.com', 'student', 'Some One');"
IMPORT = """
insert into profiles (email, role, full_name)
select 'someone@example.com', 'student', 'Some One' from generate_series(1, {crowd})
"""
WITHOUT_LANE = """
do $$
begin
    execute replace(
        pg_get_functiondef('listener.fresh'::regproc), 'not written.is_routed', 'not written.is_routed and false'
    );
end
$$
"""
END_OF_CROWD = """
select max(pg_xact_commit_timestamp(enrollments.xmin))
from enrollments
join profiles on profiles.id = enrollments.user_id
where profiles.email <> 'fresh@example.com'
"""
WAITED = """
select extract(epoch from pg_xact_commit_timestamp(enrollments.xmin) - pg_xact_commit_timestamp(profiles.xmin))
from profiles
join enrollments on enrollments.user_id = profiles.id
where
    profiles.email = 'fresh@example.com'
    and pg_xact_commit_timestamp(profiles.xmin) < '{end}'
"""
DRAINED = """
select not exists (
    select from profiles where not exists (select from enrollments where user_id = profiles.id)
    and profiles.email <> 'fresh@example.com'
)
"""
BACKEND = "select pid from pg_stat_activity where application_name = 'listener'"
NOBODY = Variant(
    "nobody", "a rule that wants nobody", installed=True, settings=(("wanted_query", f"{SAME_RULE} and false"),)
)


@dataclass(frozen=True)
class Drained:
    """One crowd."""

    seconds: float
    """Until the last of it was enrolled."""
    cpu_seconds: float
    waited: list[float]
    """Seconds that each fresh one waited."""


@contextmanager
def arriving(server: Server, database: str, rate: float) -> Iterator[None]:
    """While so many a second sign up, at random moments."""
    if not rate:
        yield
        return
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(FRESH)
        file.flush()
        Path(file.name).chmod(0o644)
        arguments = ["-n", "-M", "prepared", "-c", "4", "-T", str(LONGEST), "-R", str(rate), "--random-seed=1"]
        with subprocess.Popen(
            [str(server.program("pgbench")), *arguments, "-f", file.name, server.url(database)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as writers:
            try:
                yield
            finally:
                writers.terminate()


def drain(
    server: Server, database: str, process: DaemonProcess, rate: float, problems: list[str], begin: Callable[[], None]
) -> Drained:
    """Let the crowd come, and wait until it is drained."""
    pids = [process.process.pid, int(server.psql(database, BACKEND).split()[0])]
    before = sum(map(cpu_seconds, pids))
    started = time.monotonic()
    begin()
    with arriving(server, database, rate):
        if not wait_for(lambda: server.psql(database, DRAINED).strip() == "t", "the crowd is drained", LONGEST):
            problems.append(f"{database}: not drained within {LONGEST} s")
    seconds = time.monotonic() - started
    school.wait_idle(server, database)
    used = sum(map(cpu_seconds, pids)) - before
    problems += [*school.daemon_problems(process, database), *school.problems(server, database, database)]
    end = server.psql(database, END_OF_CROWD).strip()
    return Drained(seconds, used, [float(each) for each in server.psql(database, WAITED.format(end=end)).split()])


def after_outage(server: Server, template: str, problems: list[str], *, rate: float, lane: bool = True) -> Drained:
    """A crowd that signed up one by one while no daemon was there."""
    with copy(server, template) as database:
        if not lane:
            server.psql(database, WITHOUT_LANE)
        with school.daemon(server.url(database)) as process:
            return drain(server, database, process, rate, problems, lambda: None)


def behind_import(server: Server, crowd: int, problems: list[str], *, lane: bool = True) -> Drained:
    """A crowd that one statement imported while the daemon led."""
    with copy(server, school.INSTALLED.name) as database:
        if not lane:
            server.psql(database, WITHOUT_LANE)
        with school.daemon(server.url(database)) as process:
            statement = IMPORT.format(crowd=crowd)
            return drain(server, database, process, RATE, problems, lambda: _psql(server, database, statement))


def under_new_rule(server: Server, crowd: int, problems: list[str], *, lane: bool = True) -> Drained:
    """A crowd that another rule wants."""
    with copy(server, NOBODY.name) as database:
        server.psql(database, IMPORT.format(crowd=crowd))
        with school.daemon(server.url(database)) as process:
            school.wait_idle(server, database)
            other = install_script(server.url(database), {"wanted_query": SAME_RULE})
            if not lane:
                other += WITHOUT_LANE
            return drain(server, database, process, RATE, problems, lambda: _psql(server, database, other))


def _psql(server: Server, database: str, text: str) -> None:
    server.psql(database, text)


def run(*, quick: bool) -> Measured:
    """What the fresh ones wait, with and without the lane, and what it costs."""
    small, large, rounds, costs = (5_000, 10_000, 1, 2) if quick else (300_000, 1_000_000, 3, 5)
    problems: list[str] = []
    waited: dict[str, list[Drained]] = {}
    quiet: dict[bool, list[Drained]] = {True: [], False: []}
    busy: dict[bool, list[Drained]] = {True: [], False: []}
    with running_server(**TRACKED) as server:
        school.INSTALLED.create(server)
        NOBODY.create(server)
        server.psql("postgres", f"create database outage template {school.INSTALLED.name}")
        sign_up(server, "outage", small)
        for _ in range(rounds):
            for name, taken in (
                (f"import_{small}", behind_import(server, small, problems)),
                (f"import_{small}_in_turn", behind_import(server, small, problems, lane=False)),
                (f"import_{large}", behind_import(server, large, problems)),
                (f"rule_{small}", under_new_rule(server, small, problems)),
            ):
                waited.setdefault(name, []).append(taken)
        for _ in range(costs):
            for lane in (True, False):
                quiet[lane].append(after_outage(server, "outage", problems, rate=0, lane=lane))
                busy[lane].append(after_outage(server, "outage", problems, rate=RATE, lane=lane))
    waited[f"outage_{small}"], waited[f"outage_{small}_in_turn"] = busy[True], busy[False]
    kinds = {name: [vars(each) for each in found] for name, found in waited.items()}
    rounds_json = {**kinds, "nobody_fresh": {str(lane): [vars(each) for each in quiet[lane]] for lane in quiet}}
    return Measured(figures(waited, quiet, busy), rounds_json, tuple(problems))


WHAT = {
    "import": "behind an import of {crowd:,} in one statement",
    "outage": "after an outage in which {crowd:,} signed up",
    "rule": "under another rule, which wants {crowd:,}",
}


def figures(
    waited: dict[str, list[Drained]], quiet: dict[bool, list[Drained]], busy: dict[bool, list[Drained]]
) -> tuple[Figure, ...]:
    """The table's lines."""
    found = []
    for name, drained in sorted(waited.items()):
        kind, crowd, *in_turn = name.split("_")
        where = WHAT[kind].format(crowd=int(crowd)) + (", without the express lane" if in_turn else "")
        for share, goal in (("p50", None), ("p99", None if in_turn else Goal(at_most=100))):
            milliseconds = [percentile(each.waited, int(share[1:]) / 100) * 1000 for each in drained if each.waited]
            if milliseconds:
                what = f"a sign-up waits, {RATE}/s, {where}: {share}"
                found.append(single(f"{name}_{share}", what, milliseconds, "ms", goal))
    seconds = {lane: [each.cpu_seconds for each in quiet[lane]] for lane in quiet}
    found.append(
        Figure(
            "cost_quiet",
            "processor time to drain a crowd, nobody fresh: with the express lane ÷ without",
            ratio(seconds[True], seconds[False]),
            Goal(at_most=1.03),
        )
    )
    seconds = {lane: [each.cpu_seconds for each in busy[lane]] for lane in busy}
    found.append(
        Figure(
            "cost_busy",
            f"processor time to drain a crowd while {RATE} a second sign up: with the express lane ÷ without",
            ratio(seconds[True], seconds[False]),
            Goal(at_most=1.1),
        )
    )
    taken = {lane: [each.seconds for each in quiet[lane]] for lane in quiet}
    found.append(
        Figure(
            "time_quiet",
            "time to drain a crowd, nobody fresh: with the express lane ÷ without",
            ratio(taken[True], taken[False]),
            Goal(at_most=1.03),
        )
    )
    return tuple(found)
