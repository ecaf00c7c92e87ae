"""A server, or what is in front of it, answers one statement of a command with an error of any class, hangs up, or does
not answer: the command ends within its limit, in one line, with status 2, or knows what to make of it. Never in a
traceback. A daemon goes on."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from listener.cli import command
from listener.database.connection import Connection
from listener.settings import Settings
from tests.conftest import Database
from tests.support import warm
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, environment, listener
from tests.support.project import ROOT
from tests.support.wire import Fault, Wire

CODES = (
    "01000",
    "02000", "03000", "08000", "08003", "08006", "08P01", "09000", "0A000", "0B000", "0F000", "0L000", "0P000", "0Z000",
    "20000", "21000", "22012", "22P02", "23502", "23503", "23505", "23514", "24000", "25000", "25006", "25P02", "25P03",
    "26000", "27000", "28000", "28P01", "2B000", "2D000", "2F000", "34000", "38000", "39000", "3B000", "3D000", "3F000",
    "40001", "40P01", "42501", "42601", "42703", "42883", "42P01", "42P07", "44000", "53000", "53100", "53200", "53300",
    "54000", "55000", "55006", "55P03", "57000", "57014", "57P01", "57P02", "57P03", "57P05", "58000", "58030", "72000",
    "F0000", "HV000", "P0001", "P0004", "XX000", "XX001", "LX001",
)  # fmt: skip
"""Of each class that Postgres has, and one of somebody's own."""

SEED = 24
ERRORS = 2
"""Statements of each command that are answered with an error, in the short form."""

SILENT = 6
"""Commands of which a statement is not answered, in the short form: each waits for seconds."""

AT_A_TIME = 12
"""Of those: each has up to three sessions, and the server has room for 60."""

SECONDS = 40.0
"""Longest time for a command that is not answered: 5 s until it asks, 5 s for that, and a busy machine."""

ROWS = """
insert into courses (id, title, price) values ('00000000-0000-0000-0000-000000000002', 'a', 1);
insert into courses (title, price) values ('b', 2);
insert into profiles (role) values ('student'), ('student'), ('guest');
set session_replication_role = replica;
insert into profiles (id, role) values ('00000000-0000-0000-0000-000000000001', 'student');
update courses set enrollments = 7;
"""
PROFILE = "00000000-0000-0000-0000-000000000001"
COURSE = "00000000-0000-0000-0000-000000000002"
REACTIONS = ROOT / "tests" / "support" / "own_reactions"


@dataclass(frozen=True)
class Case:
    """A command, and whether the listener is installed where it is run."""

    arguments: tuple[str, ...]
    installed: bool = True

    @property
    def name(self) -> str:
        """Without what it is told."""
        words = {PROFILE: "PROFILE", COURSE: "COURSE", str(REACTIONS): "FOLDER"}
        return " ".join(words.get(each, each) for each in self.arguments)


LOOKS = tuple(
    Case(tuple(line.split()))
    for line in (
        "status", "status --full --json", "diagnose", "diagnose --json", f"explain {PROFILE} --json", "pending",
        "sync --dry-run", "sync --structure --dry-run", "sync --structure --print", "install --plan", "install --print",
        "replay enroll --since 1h --dry-run", "rule", f"wait {PROFILE} --timeout 0", "release --dry-run --json",
        f"history --json --since 1h --last 5 --course {COURSE}", "undo --since 1h --dry-run --json",
    )
)  # fmt: skip
CHANGES = (
    Case(("install",), installed=False),
    *(
        Case(tuple(line.split()))
        for line in (
            f"install --take-over --grant-to pg_monitor --grant-now pg_monitor --reactions {REACTIONS}",
            "uninstall", "sync", "sync --structure", "pause enroll --reason x", "resume enroll", "pending retry",
            f"pending drop --student {PROFILE}", f"release --course {COURSE}", "undo --rule last",
            f"forget {PROFILE} --json --timeout 5",
        )
    ),
)  # fmt: skip
CASES = (*LOOKS, *CHANGES)
OF_ITS_OWN = {"run", "demo", "try", "fleet"}
"""Commands that are tried below, that bring a server of their own, and those that run these for many."""

NO_STATEMENT = {
    "install": {"--accept-guesses", "--yes", "--reviewed", "--owner", "--why"},
    "rule": {"--accept-guesses"},
    "uninstall": {"--yes"},
    "sync": {"--cascade"},
    "status": {"--every"},  # of --watch, which is a setting elsewhere
}
"""Flags that bring none of their own: they answer a question, or say how often, or of how much."""

ALIKE = {"--json", "--wait"}
"""Flags that bring none, whatever the command."""


@pytest.fixture
def wires() -> Iterator[Callable[[Database], Wire]]:
    """Makes proxies."""
    made: list[Wire] = []

    def make(database: Database) -> Wire:
        made.append(Wire(database.server.port))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def school(make_database: Callable[..., Database]) -> Callable[[Case], Database]:
    """Makes a database for a command, with something to do for it."""

    def make(case: Case) -> Database:
        database = make_database(installed=case.installed)
        of_a_history = case.arguments[0] in ("history", "undo")
        if of_a_history:
            listener(database.url, "install", "--history-days", "30")
        database.server.psql(database.name, ROWS)
        if of_a_history:
            database.server.psql(database.name, "select from listener.step()")
        return database

    return make


def url(database: Database, wire: Wire) -> str:
    """By way of the proxy."""
    return database.url.replace(f":{database.server.port}/", f":{wire.port}/")


def run(case: Case, database: Database, wire: Wire, fault: Fault, *, here: bool = False) -> float:
    """One command with one fault, in a process of its own unless `here`; the seconds that it took."""
    wire.begin(fault)
    started = time.monotonic()
    if here:
        done = warm.run_here(case.arguments, environment(url(database, wire)))
    else:
        done = listener(url(database, wire), *case.arguments, check=False)
    seconds = time.monotonic() - started
    said = f"{' '.join(case.arguments)}, {fault}, ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr}"
    assert "Traceback" not in done.stdout + done.stderr, said
    assert done.returncode in (0, 1, 2), said
    lines = done.stderr.splitlines()
    knows_the_rest = case.arguments[0] == "explain" and "could not be read: a fault of class" in done.stdout
    assert len(lines) == (done.returncode == 2 and not knows_the_rest), said
    assert all(line.startswith("listener: ") for line in lines), said
    # Of further connections, which only look whether anybody waits, none is needed.
    if fault.what in ("cut", "silent") and wire.struck == [1]:
        assert done.returncode == 2, said
    return seconds


def statements(case: Case, database: Database, wire: Wire) -> int:
    """How many statements the command has where nothing is wrong."""
    wire.begin(None)
    listener(url(database, wire), *case.arguments, check=False)
    return len(wire.asked)


def seed_of(request: pytest.FixtureRequest) -> int:
    """Printed where a test fails."""
    seed = request.config.getoption("--seed")
    seed = SEED if seed is None else seed
    print(f"--seed {seed}")
    return int(seed)


def test_every_command_is_tried_with_every_flag_that_brings_a_statement() -> None:
    """As the parser knows them: what is added must be tried, too."""
    parser: Any = command()
    settings = {f"--{name.replace('_', '-')}" for name in Settings.model_fields} | {"--help", *ALIKE}
    for name in parser.commands.keys() - OF_ITS_OWN:
        cases = [case.arguments for case in CASES if case.arguments[0] == name]
        assert cases, name
        tried = {each for case in cases for each in case if each.startswith("--")}
        flags = {each.opts[0] for each in parser.commands[name].params if each.opts[0].startswith("--")}
        assert flags - settings == tried - ALIKE | NO_STATEMENT.get(name, set()), name


def test_every_class_of_errors_is_tried() -> None:
    """Those that the driver knows, and so the server; 10 is of queries in XML."""
    known = {getattr(each, "sqlstate", None) for each in vars(asyncpg.exceptions).values()}
    assert {code[:2] for code in known if isinstance(code, str)} - {"10"} == {code[:2] for code in CODES} - {"LX"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.quarter
def test_a_command_whose_statement_fails_or_is_cut_off_ends_in_a_line(
    case: Case,
    school: Callable[[Case], Database],
    wires: Callable[[Database], Wire],
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    draw = random.Random(f"{seed_of(request)} {case}")
    database = school(case)
    wire = wires(database)
    count = statements(case, database, wire)
    assert count > 3
    is_long = request.config.getoption("--long")
    if is_long:
        faults = [Fault(at, what) for at in range(1, count + 1) for what in (*draw.sample(CODES, 12), "cut")]
    else:
        faults = [Fault(draw.randint(1, count), draw.choice(CODES)) for _ in range(ERRORS)]
        faults.append(Fault(draw.randint(1, count), "cut"))
    for fault in faults:
        if case in CHANGES:
            database.drop()  # (hundreds of databases fill the disk)
            database = school(case)
        run(case, database, wire, fault, here=is_long)
    record_property("told", f"{case.name}: {len(faults)} faults at {count} statements")


def test_a_command_that_is_not_answered_ends_in_a_line_within_its_limit(
    school: Callable[[Case], Database], wires: Callable[[Database], Wire], request: pytest.FixtureRequest
) -> None:
    """Many of them at once: they wait."""
    draw = random.Random(seed_of(request))
    is_long = request.config.getoption("--long")
    tried: list[tuple[Case, Database, Wire, Fault]] = []
    for case in CASES if is_long else draw.sample(CASES, SILENT):
        database = school(case)
        wire = wires(database)
        count = statements(case, database, wire)
        places = range(1, count + 1) if is_long else [draw.randint(1, count)]
        tried += [
            (case, school(case) if case in CHANGES else database, wires(database), Fault(at, "silent")) for at in places
        ]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for done in [pool.submit(run, *each) for each in tried]:
            assert done.result() < SECONDS


async def test_a_daemon_whose_statements_fail_are_cut_off_or_are_not_answered_goes_on(
    database: Database,
    connection: Connection,
    course: None,
    wires: Callable[[Database], Wire],
    start_daemon: Callable[..., DaemonProcess],
    request: pytest.FixtureRequest,
) -> None:
    draw = random.Random(seed_of(request))
    wire = wires(database)
    settings = {"heartbeat_seconds": 0.5, "sample_seconds": 0.3, "audit_seconds": 0.5, "statement_seconds": 2}
    daemon = start_daemon(database, database_url=url(database, wire), **settings).wait_ready("leading")
    codes = CODES if request.config.getoption("--long") else draw.sample(CODES, 5)
    for number, what in enumerate((*codes, "silent", "cut"), 1):
        wire.begin(Fault(draw.randint(1, 12), what))
        await asyncio.to_thread(wait_until, lambda: bool(wire.struck), f"{what} has struck")
        await connection.execute("insert into profiles (role) values ('student')")
        enrolled = "select count(*) from enrollments"
        await eventually(connection, enrolled, equals=number, seconds=45)
    assert daemon.process.poll() is None
    assert "Traceback" not in daemon.text()
