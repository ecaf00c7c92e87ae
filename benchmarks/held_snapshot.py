"""Whether a snapshot that somebody holds open slows us down with time, and which of our reads it slows down.

A held snapshot keeps Postgres from removing any row that was replaced or deleted since. Ours are the notes and
the checkpoints that were purged, and the versions of the course's row, one for each move of its count. Meanwhile people
sign up at a steady rate with the daemon live. Every so often some chunks of sign-ups are left lying, by stopping the
daemon's process for a moment, and the time to drain each is taken. While a chunk lies there, each read is looked at
apart.
"""

import json
import signal
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import draining, latency, school
from benchmarks.figures import Figure, Goal, Measured, single
from benchmarks.measure import open_transaction, percentile, ratio, running_server
from tests.support.postgres import Server
from tests.support.process import DaemonProcess

RATE = 200
"""Sign-ups a second, while nothing is drained."""
RETENTION_SECONDS = 5
"""So that what is handled is deleted within the time that the snapshot is held, as it would be within hours."""

LOOKS = {
    "feed": "one batch's reading of the feed",
    "checkpoint": "looking up the last checkpoint",
    "course": "looking up the course, as each enrollment's foreign key does",
    "move": "one move of the course's count",
}
TIMES = 4
"""Looks in one session; the first of them warms it up."""
EACH = (Path(__file__).parent / "sql" / "looks.sql").read_text(encoding="utf-8")
SQL = "\n".join(["set lock_timeout = '5s';", "begin;", *[EACH] * TIMES, "rollback;"])
COUNT = 'listener_batch_seconds_{what}{{consumer="count"}}'
LAST = "select extract(epoch from max(pg_xact_commit_timestamp(xmin))) from enrollments where id > {last_id}"


@dataclass
class Stage:
    """How fast chunks were drained at one time, and what each look took meanwhile."""

    per_second: list[float] = field(default_factory=list)
    milliseconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in LOOKS})
    pages: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in LOOKS})


@dataclass(frozen=True)
class Steady:
    """A while of sign-ups at a steady rate."""

    moves_per_second: float
    move_milliseconds: float
    latency_p50_milliseconds: float
    latency_p99_milliseconds: float


def plans(printed: str) -> list[dict[str, Any]]:
    """What several EXPLAINs in JSON have printed, one after the other."""
    decoder, found, rest = json.JSONDecoder(), [], printed.strip()
    while rest:
        (plan,), end = decoder.raw_decode(rest)
        found.append(plan)
        rest = rest[end:].lstrip()
    return found


def look(server: Server, database: str, stage: Stage) -> None:
    """Take each look's time and pages, several times in one session; the first of them warms it up."""
    found = plans(server.psql(database, SQL))
    for place, name in enumerate(LOOKS):
        warm = found[place :: len(LOOKS)][1:]
        stage.milliseconds[name].append(statistics.median(each["Execution Time"] for each in warm))
        pages = [each["Plan"]["Shared Hit Blocks"] + each["Plan"]["Shared Read Blocks"] for each in warm]
        stage.pages[name].append(statistics.median_low(pages))


def drain_chunk(server: Server, database: str, process: DaemonProcess, chunk: int, stage: Stage) -> None:
    """Leave a chunk of sign-ups lying, look, and have the daemon drain it."""
    school.wait_idle(server, database)
    last_id = server.psql(database, "select coalesce(max(id), 0) from enrollments").strip()
    process.process.send_signal(signal.SIGSTOP)
    try:
        call = f"set synchronous_commit = off; call sign_up({chunk // draining.WRITERS})"
        with ThreadPoolExecutor(draining.WRITERS) as writers:
            list(writers.map(lambda _: server.psql(database, call), range(draining.WRITERS)))
        look(server, database, stage)
        began = float(server.psql(database, "select extract(epoch from clock_timestamp())"))
    finally:
        process.process.send_signal(signal.SIGCONT)
    school.wait_idle(server, database, 300)
    stage.per_second.append(chunk / (float(server.psql(database, LAST.format(last_id=last_id))) - began))


def drain_chunks(server: Server, database: str, process: DaemonProcess, chunk: int, chunks: int) -> Stage:
    """How fast we are now."""
    stage = Stage()
    for _ in range(chunks):
        drain_chunk(server, database, process, chunk, stage)
    return stage


def go_on(server: Server, database: str, process: DaemonProcess, seconds: int, seed: int) -> Steady:
    """Sign-ups at a steady rate for a while: how often counts were moved, and how long students waited."""
    names = {what: COUNT.format(what=what) for what in ("sum", "count")}
    before = {what: process.metric(name) for what, name in names.items()}
    waited = latency.sign_up(server, database, rate=RATE, seconds=seconds, seed=seed)
    taken = {what: process.metric(name) - before[what] for what, name in names.items()}
    return Steady(
        taken["count"] / seconds,
        taken["sum"] / taken["count"] * 1000,
        percentile(waited, 0.5) * 1000,
        percentile(waited, 0.99) * 1000,
    )


def run(*, quick: bool, long: bool = False) -> Measured:
    """How fast chunks are drained at the end of a held snapshot ÷ at its beginning, and the same for each read."""
    chunk, chunks, whiles, seconds = 20_000, 5, 4, 10
    if quick:
        chunk, chunks, whiles, seconds = 2_000, 2, 2, 2
    elif long:
        whiles, seconds = 6, 300
    database = school.INSTALLED.name
    snapshot = ("begin isolation level repeatable read", "select count(*) from profiles")
    steady: list[Steady] = []
    with running_server(**latency.TRACKED) as server:
        school.INSTALLED.create(server)
        server.psql(database, draining.SIGN_UPS)
        with school.daemon(server.url(database), retention_seconds=RETENTION_SECONDS) as process:
            drain_chunks(server, database, process, chunk, 2)
            server.psql(database, "vacuum analyze")
            with open_transaction(server, database, *snapshot):
                stages = [drain_chunks(server, database, process, chunk, chunks)]
                for number in range(whiles):
                    steady.append(go_on(server, database, process, seconds, seed=number + 1))
                    if long and number < whiles - 1:
                        stages.append(drain_chunks(server, database, process, chunk, chunks))
                stages.append(drain_chunks(server, database, process, chunk, chunks))
            server.psql(database, "vacuum analyze")
            released = drain_chunks(server, database, process, chunk, chunks)
            problems = [*school.daemon_problems(process, "ours"), *school.problems(server, database, "ours")]
    held = f"foreign snapshot held for {whiles * seconds:,} s, {RATE} sign-ups/s"
    return Measured(
        figures(held, chunk, stages, released, steady),
        {
            "stages": [vars(each) for each in stages],
            "released": vars(released),
            "steady": [vars(each) for each in steady],
        },
        tuple(problems),
        tuple(notes(stages[0], stages[-1], released)),
    )


def figures(held: str, chunk: int, stages: list[Stage], released: Stage, steady: list[Steady]) -> tuple[Figure, ...]:
    """The table's lines."""
    begin, end = stages[0], stages[-1]
    looks = (
        Figure(
            f"{name}_end_to_begin",
            f"{held}: time of {what}, end ÷ beginning",
            ratio(end.milliseconds[name], begin.milliseconds[name]),
        )
        for name, what in LOOKS.items()
    )
    return (
        Figure(
            "end_to_begin",
            f"{held}: draining {chunk:,} sign-ups at its end ÷ at its beginning",
            ratio(end.per_second, begin.per_second),
            Goal(at_least=0.98),
        ),
        Figure(
            "end_to_released",
            "the same ÷ once it is released and all is vacuumed",
            ratio(end.per_second, released.per_second),
        ),
        *looks,
        single("held_per_second", f"{held}: draining at its end", end.per_second, "sign-ups/s"),
        single("moves", f"{held}: moves of the count at its end", [steady[-1].moves_per_second], "a second"),
        single("latency_p50", f"{held}: reaction latency p50 at its end", [steady[-1].latency_p50_milliseconds], "ms"),
    )


def notes(begin: Stage, end: Stage, released: Stage) -> list[str]:
    """The pages behind each look."""
    found = []
    for name, what in LOOKS.items():
        first, last, after = (statistics.median(each.pages[name]) for each in (begin, end, released))
        found.append(f"Pages for {what}: {first:,g} at the beginning, {last:,g} at the end, {after:,g} once released.")
    return found
