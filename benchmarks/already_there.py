"""What our commands take, and how long they hold a sign-up up, where very many students are enrolled already."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import draining, school
from benchmarks.counting import UNLOGGED_BUILD
from benchmarks.figures import Figure, Goal, Measured, single
from benchmarks.machine import resident_mib
from benchmarks.measure import running_server, wait_for
from benchmarks.variants import SIGN_UP
from benchmarks.workers import PROJECT
from tests.support.postgres import Server, wait_until
from tests.support.process import environment

RATE = 200
"""Sign-ups a second, all the while."""
CLIENTS = 8
WRITERS = "benchmark-sign-ups"
"""What the writers' sessions are called."""
LONGEST_RUN_SECONDS = 1800
ALONE_SECONDS = 3

BUILD = f"""
alter table enrollments drop constraint enrollments_user_id_fkey;
alter table enrollments drop constraint enrollments_user_id_course_id_key;
alter table enrollments drop constraint enrollments_pkey;
alter table profiles drop constraint profiles_pkey;
begin;
truncate profiles, enrollments;
insert into profiles (email, role, full_name)
select 'someone@example.com', 'student', 'Some One' from generate_series(1, {{students}});
insert into enrollments (user_id, course_id) select id, '{school.COURSE}' from profiles;
set local maintenance_work_mem = '1GB';
alter table profiles add primary key (id);
alter table enrollments add primary key (id);
alter table enrollments add unique (user_id, course_id);
alter table enrollments add foreign key (user_id) references profiles on delete cascade;
commit;
update courses set enrollments = {{students}}, students = {{students}} where id = '{school.COURSE}';
vacuum analyze;
"""
LOSE = f"""
set session_replication_role = replica;
begin;
delete from enrollments where id <= {{students}} and id % ({{students}} / {{missing}}) = 0;
update courses
set enrollments = enrollments - {{missing}}, students = students - {{missing}}
where id = '{school.COURSE}';
commit;
"""


@dataclass(frozen=True)
class Command:
    """One run of a command of ours."""

    began: float
    ended: float
    peak_mib: float

    @property
    def seconds(self) -> float:
        """From its start as a process to its end."""
        return self.ended - self.began


@dataclass(frozen=True)
class SignUp:
    """One sign-up, from the moment at which it was due."""

    due: float
    ended: float


class SignUps:
    """Writers at a steady rate, while it is entered; what each sign-up took is known once it is left."""

    def __init__(self, server: Server, database: str) -> None:
        self._server, self._database = server, database
        self._folder = tempfile.TemporaryDirectory(prefix="benchmark-sign-ups-")
        self.done: list[SignUp] = []

    def __enter__(self) -> "SignUps":
        folder = Path(self._folder.name)
        (folder / "script").write_text(SIGN_UP)
        self._process = subprocess.Popen(
            [
                *(str(self._server.program("pgbench")), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "1"),
                *("-T", str(LONGEST_RUN_SECONDS), "--rate", str(RATE), "-l", f"--log-prefix={folder / 'log'}"),
                *("-f", str(folder / "script"), self._server.url(self._database)),
            ],
            env={**os.environ, "PGAPPNAME": WRITERS},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self

    def __exit__(self, *_: object) -> None:
        # A pgbench that is killed loses the end of its log; one whose sessions are ended writes it.
        sessions = f"from pg_stat_activity where application_name = '{WRITERS}'"
        wait_until(lambda: self._server.psql("postgres", f"select count(*) {sessions}").strip() != "0", "they write")
        self._server.psql("postgres", f"select pg_terminate_backend(pid) {sessions}")
        self._process.wait(20)
        for log in Path(self._folder.name).glob("log.*"):
            self.done += [sign_up(line) for line in log.read_text().splitlines()]
        self._folder.cleanup()


def longest(sign_ups: Iterable[SignUp], began: float, ended: float) -> float:
    """Milliseconds that the longest sign-up took, of those that were under way between two moments."""
    return max(each.ended - each.due for each in sign_ups if each.due <= ended and each.ended >= began) * 1000


def sign_up(line: str) -> SignUp:
    """A line of pgbench's log: client, transaction, microseconds since it was due, script, seconds, microseconds."""
    _, _, taken, _, second, microsecond, *_ = line.split()
    ended = int(second) + int(microsecond) / 1e6
    return SignUp(ended - int(taken) / 1e6, ended)


def run_command(url: str, name: str, problems: list[str], *, status: int = 0) -> Command:
    """Run one of our commands to its end, which should have that exit status."""
    began = time.time()
    peak = 0.0
    with tempfile.TemporaryFile("w+") as told:
        with subprocess.Popen(
            [sys.executable, "-m", "listener", name], env=environment(url), cwd=PROJECT, stdout=told, stderr=told
        ) as process:
            while process.poll() is None:
                peak = max(peak, _peak(process.pid))
                time.sleep(0.01)
        ended = time.time()
        if process.returncode != status:
            told.seek(0)
            problems.append(f"listener {name} ended with {process.returncode}: {told.read().strip()}")
    return Command(began, ended, peak)


def _peak(pid: int) -> float:
    try:
        return resident_mib(pid, peak=True)
    except (OSError, AssertionError):  # it has just ended
        return 0.0


@contextmanager
def at_work(url: str) -> Iterator[None]:
    """While a daemon leads that has looked at all tables already, as it does when it starts."""
    with school.daemon(url) as process:
        wait_for(lambda: process.metric("listener_last_audit_timestamp_seconds") > 0, "the first audit is done", 600)
        yield


COMMANDS = ("install", "diagnose", "sync")


@dataclass(frozen=True)
class Round:
    """What the commands took on one fresh database, and the longest sign-up meanwhile and with nothing going on."""

    commands: dict[str, Command]
    longest: dict[str, float]
    longest_alone: float


def one_round(server: Server, database: str, students: int, missing: int, problems: list[str]) -> Round:
    """Install, diagnose and sync beside the sign-ups; the daemon works from the installation on."""
    url = server.url(database)
    commands = {}
    with ExitStack() as daemon:
        with SignUps(server, database) as writers:
            time.sleep(ALONE_SECONDS)
            alone = time.time()
            commands["install"] = run_command(url, "install", problems)
            daemon.enter_context(at_work(url))
            server.psql(database, LOSE.format(students=students, missing=missing))
            commands["diagnose"] = run_command(url, "diagnose", problems, status=1)
            commands["sync"] = run_command(url, "sync", problems)
        school.wait_idle(server, database, 120)
    # Those who signed up before there were notes are enrolled by nobody but `sync`, which has been.
    problems += school.problems(server, database, "already there")
    return Round(
        commands,
        {name: longest(writers.done, each.began, each.ended) for name, each in commands.items()},
        longest(writers.done, alone - ALONE_SECONDS + 1, alone),
    )


def run(*, quick: bool, long: bool = False) -> Measured:
    """Seconds of install, diagnose and sync beside sign-ups, the longest sign-up meanwhile, and their memory."""
    students, missing, rounds = 1_000_000, 50_000, 2
    if quick:
        students, missing, rounds = 20_000, 1_000, 1
    elif long:
        students, rounds = 10_000_000, 1
    problems: list[str] = []
    taken: list[Round] = []
    with running_server(**UNLOGGED_BUILD) as server:
        template = school.PLAIN.name
        school.PLAIN.create(server)
        started = time.monotonic()
        server.psql(template, BUILD.format(students=students))
        built = time.monotonic() - started
        for _ in range(rounds):
            with draining.copy(server, template) as database:
                taken.append(one_round(server, database, students, missing, problems))
    alone = max(each.longest_alone for each in taken)
    note = f"With no command at work, the longest of {RATE} sign-ups a second took {alone:.1f} ms."
    return Measured(
        figures(students, missing, taken),
        {"build_seconds": built, "rounds": [told(each) for each in taken]},
        tuple(problems),
        (note,),
    )


def figures(students: int, missing: int, taken: list[Round]) -> tuple[Figure, ...]:
    """The table's lines."""
    where = f"{students:,} students already there, {RATE} sign-ups/s"
    what = {name: f"`listener {name}`" for name in COMMANDS}
    what["sync"] += f" of {missing:,} missing"
    seconds = [
        single(f"{name}_seconds", f"{where}: {what[name]}", [each.commands[name].seconds for each in taken], "s")
        for name in COMMANDS
    ]
    held_up = [
        single(
            f"{name}_longest",
            f"{where}: longest sign-up during {what[name]}",
            [each.longest[name] for each in taken],
            "ms",
            Goal(at_most=100),
        )
        for name in COMMANDS
    ]
    peak = [max(command.peak_mib for command in each.commands.values()) for each in taken]
    memory = single("memory", f"{where}: peak resident memory of a command", peak, "MiB", Goal(at_most=60))
    return (*seconds, *held_up, memory)


def told(one: Round) -> dict[str, object]:
    """A round, as it is kept."""
    return {
        "seconds": {name: each.seconds for name, each in one.commands.items()},
        "peak_mib": {name: each.peak_mib for name, each in one.commands.items()},
        "longest_sign_up_milliseconds": one.longest | {"alone": one.longest_alone},
    }
