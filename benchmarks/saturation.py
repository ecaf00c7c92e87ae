"""Whether the daemon keeps up with writers who do all they can, or falls ever further behind."""

import threading
import time
from dataclasses import dataclass

import anyio
import asyncpg

from benchmarks import school
from benchmarks.figures import Goal, Measured, single
from benchmarks.measure import pgbench, running_server
from benchmarks.variants import SIGN_UP
from tests.support.postgres import Server

SAMPLE_SECONDS = 0.25
BACKLOG = """
select
    (select coalesce(sum(greatest(cardinality(profile_ids), 1)), 0) from listener.unhandled('enroll')) as to_enroll,
    (select count(*) from listener.unhandled('count')) as to_count
"""
CLEAR = "truncate profiles, enrollments"


@dataclass(frozen=True)
class Sample:
    """How far behind the daemon was."""

    at: float
    """Seconds since the writers began."""
    to_enroll: int
    to_count: int


class Backlog:
    """Samples in a thread of its own, while it is entered."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._done = threading.Event()
        self._thread = threading.Thread(target=lambda: anyio.run(self._sample))
        self.samples: list[Sample] = []
        self.began = time.monotonic()

    def __enter__(self) -> "Backlog":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    async def _sample(self) -> None:
        connection = await asyncpg.connect(self._url)
        try:
            while not self._done.is_set():
                row = await connection.fetchrow(BACKLOG)
                assert row is not None
                self.samples.append(Sample(time.monotonic() - self.began, row["to_enroll"], row["to_count"]))
                await anyio.sleep(SAMPLE_SECONDS)
        finally:
            await connection.close()


@dataclass(frozen=True)
class Saturated:
    """One round."""

    per_second: float
    ended_at: float
    empty_at: float
    samples: list[Sample]

    @property
    def behind_seconds(self) -> float:
        """The largest backlog in the second half, in seconds of sign-ups."""
        late = [max(each.to_enroll, each.to_count) for each in self.samples if self.ended_at / 2 < each.at]
        return max(late, default=0) / self.per_second

    @property
    def growth(self) -> float:
        """How much larger the largest backlog of the last third is than that of the middle third, in sign-ups a
        second: 0 or less if it does not grow."""
        third = self.ended_at / 3
        middle = [max(each.to_enroll, each.to_count) for each in self.samples if third < each.at <= 2 * third]
        last = [max(each.to_enroll, each.to_count) for each in self.samples if 2 * third < each.at <= self.ended_at]
        return (max(last, default=0) - max(middle, default=0)) / third


def saturate(server: Server, database: str, seconds: int, problems: list[str]) -> Saturated:
    """Sign up as fast as possible, and see how far behind the daemon gets."""
    server.psql(database, CLEAR)
    school.wait_idle(server, database)
    server.psql("postgres", "checkpoint")
    with Backlog(server.url(database)) as backlog:
        rate = pgbench(server, database, SIGN_UP, seconds=seconds)
        ended = time.monotonic() - backlog.began
        if not school.wait_idle(server, database, 120):
            problems.append("the backlog was not worked off within 120 s")
        time.sleep(SAMPLE_SECONDS * 2)
    problems += school.problems(server, database, "saturated")
    idle = [each.at for each in backlog.samples if each.at >= ended and not each.to_enroll and not each.to_count]
    return Saturated(rate, ended, idle[0] if idle else float("nan"), backlog.samples)


def run(*, quick: bool) -> Measured:
    """The backlog under 16 writers without a pause, in seconds of sign-ups."""
    rounds, seconds = (1, 5) if quick else (3, 15)
    database = school.INSTALLED.name
    problems: list[str] = []
    taken: list[Saturated] = []
    with running_server() as server:
        school.INSTALLED.create(server)
        with school.daemon(server.url(database)) as process:
            taken = [saturate(server, database, seconds, problems) for _ in range(rounds)]
            problems += school.daemon_problems(process, "ours")
    peaks = [max(max(each.to_enroll, each.to_count) for each in one.samples) for one in taken]
    figures = (
        single(
            "behind",
            f"saturated writers (16 clients, {seconds} s): largest backlog of the second half, in seconds of sign-ups",
            [each.behind_seconds for each in taken],
            "s",
            Goal(at_most=0.5),
        ),
        single("peak", "saturated writers: largest backlog", peaks, "changes"),
        single("growth", "saturated writers: growth of the backlog", [each.growth for each in taken], "changes/s"),
        single(
            "to_empty",
            "saturated writers: time until all is handled, once they stop",
            [each.empty_at - each.ended_at for each in taken],
            "s",
        ),
        single("rate", "saturated writers: sign-ups", [each.per_second for each in taken], "a second"),
    )
    rounds_taken = [
        {
            "per_second": one.per_second,
            "ended_at": one.ended_at,
            "empty_at": one.empty_at,
            "samples": [[round(each.at, 2), each.to_enroll, each.to_count] for each in one.samples],
        }
        for one in taken
    ]
    return Measured(figures, {"rounds": rounds_taken}, tuple(problems))
