"""What a fleet costs: many databases in one server, served by one process.

How long a student waits is taken from the server's own commit times, as `latency` does. Nothing asks the process for
its state while that is measured.
"""

import random
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import asyncpg

from benchmarks import school
from benchmarks.figures import Figure, Goal, Measured, single
from benchmarks.latency import TRACKED, now, waited
from benchmarks.measure import cpu_seconds, percentile, ratio, running_server, wait_for
from benchmarks.variants import SIGN_UP
from tests.support.fleet import FleetProcess, freeze, thaw, write
from tests.support.postgres import Server

SCHOOLS, FROZEN = 200, 10
RATE = 200.0
"""Sign-ups a second, spread over all."""

MANY = {"max_connections": "700"}
LED = "select count(*) from pg_stat_activity where application_name = 'listener'"
LEADING = """
select count(distinct database)
from pg_locks
inner join pg_stat_activity using (pid)
where locktype = 'advisory' and objid = 1 and mode = 'ExclusiveLock' and application_name = 'listener'
"""


def own_mib(pid: int) -> float:
    """Memory that a process has to itself, and its share of the rest."""
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


@contextmanager
def serving(folder: Path, started: list[FleetProcess]) -> Iterator[FleetProcess]:
    """While a process serves the folder."""
    fleet = FleetProcess(folder=folder)
    started.append(fleet)
    try:
        yield fleet
    finally:
        fleet.clean_up()


def lead(server: Server, count: int) -> float:
    """Seconds until so many schools of a server have a leader."""
    began = time.monotonic()
    while int(server.psql("postgres", LEADING)) < count:
        if time.monotonic() - began > 300:
            raise RuntimeError("not all schools are led")
        time.sleep(0.2)
    return time.monotonic() - began


def sign_up(server: Server, names: list[str], seconds: float, seed: int) -> list[float]:
    """Seconds that each student waits while RATE a second sign up, at random moments and in random schools."""
    since = now(server, "postgres")

    async def write_all() -> None:
        pools = {name: await asyncpg.create_pool(server.url(name), min_size=1, max_size=2) for name in names}
        moments = random.Random(seed)
        async with anyio.create_task_group() as tasks:
            ends = anyio.current_time() + seconds
            while anyio.current_time() < ends:
                tasks.start_soon(pools[moments.choice(names)].execute, SIGN_UP)
                await anyio.sleep(moments.expovariate(RATE))
        for pool in pools.values():
            await pool.close()

    anyio.run(write_all)
    return [each for name in names for each in waited(server, name, since)]


def run(*, quick: bool) -> Measured:
    """Start, memory, idling, waiting, frozen servers, and a take-over."""
    count, frozen_count = (20, 2) if quick else (SCHOOLS, FROZEN)
    idle_seconds, seconds, rounds = (5.0, 3.0, 1) if quick else (30.0, 10.0, 3)
    folder = Path(tempfile.mkdtemp(prefix="listener-fleet-"))
    started: list[FleetProcess] = []
    problems: list[str] = []
    names = [f"school_{number}" for number in range(count)]
    try:
        with running_server(**TRACKED, **MANY) as server, running_server(**MANY) as other:
            for each, databases in ((server, names), (other, names[:frozen_count])):
                school.INSTALLED.create(each)
                for name in databases:
                    each.copy(school.INSTALLED.name, name)
            with serving(folder, started) as empty:
                wait_for(lambda: empty.get("/readyz")[0] == 200, "it is ready", 60)
                base = own_mib(empty.process.pid)
            for name in names:
                write(folder, name, server.url(name))
            with serving(folder, started) as fleet:
                all_lead = lead(server, count)
                time.sleep(5)
                before = cpu_seconds(fleet.process.pid)
                time.sleep(idle_seconds)
                idle = (cpu_seconds(fleet.process.pid) - before) / idle_seconds / count * 1000
                memory = (own_mib(fleet.process.pid) - base) / count
                for name in names[:frozen_count]:
                    write(folder, f"frozen_{name}", other.url(name))
                lead(other, frozen_count)
                usual, beside = [], []
                for number in range(rounds):
                    usual.append(percentile(sign_up(server, names, seconds, number), 0.99) * 1000)
                    freeze(other)
                    beside.append(percentile(sign_up(server, names, seconds, rounds + number), 0.99) * 1000)
                    thaw(other)
                    lead(other, frozen_count)
                scraped = time.monotonic()
                size = len(fleet.get("/metrics")[1])
                scrape = time.monotonic() - scraped
                with serving(folder, started) as standby:
                    wait_for(lambda: int(server.psql("postgres", LED)) >= 2 * count, "the second stands by", 120)
                    wait_for(lambda: standby.get("/readyz")[0] == 200, "it is ready", 60)
                    before = cpu_seconds(standby.process.pid)
                    time.sleep(idle_seconds)
                    standing_by = (cpu_seconds(standby.process.pid) - before) / idle_seconds / count * 1000
                    fleet.kill()
                    taken_over = lead(server, count)
                    sign_up(server, names, seconds, 99)
                    problems += [each for name in names for each in school.problems(server, name, name)]
    finally:
        shutil.rmtree(folder)
    figures: tuple[Figure, ...] = (
        single("start", f"until {count} schools lead, one process", [all_lead], "s", Goal(at_most=15)),
        single("memory", "memory of Python, each school", [memory], "MiB", Goal(at_most=1)),
        single("idle", "Python's CPU, idle, each school and second", [idle], "ms", Goal(at_most=0.5)),
        single("standby", "the same of a process that stands by", [standing_by], "ms"),
        single("p99", f"p99 at {RATE:g} sign-ups/s over all schools", usual, "ms", Goal(at_most=20)),
        Figure(
            "frozen",
            f"p99 with the servers of {frozen_count} schools frozen ÷ p99 without",
            ratio(beside, usual),
            Goal(at_most=1.2),
        ),
        single("take_over", "until the second process leads all, after kill -9", [taken_over], "s", Goal(at_most=5)),
    )
    note = f"/metrics is {size / 1024:,.0f} KiB, and took {scrape:.2f} s."
    return Measured(figures, {"usual": usual, "beside": beside}, tuple(problems), (note,))
