"""Whatever somebody has done to the database, each command says in one line what stops it, and ends as it should."""

import json
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.conftest import Database
from tests.integration.schema.attackers.conftest import Ground
from tests.support.faults import FAULTS, SUPERUSER, Command, Fault, changes, looks
from tests.support.planted import DAEMON, MALLORY, OWNER
from tests.support.postgres import two_versions
from tests.support.process import DaemonProcess, listener

LONGEST = 3_000
"""Letters of a line that somebody reads."""

AT_A_TIME = 4
BY_TURNS = (OWNER, DAEMON, MALLORY)
"""The roles that look besides a superuser. In the short form a superuser runs a sixth of the commands that look at
each fault, and other ones at the next, each of these roles a tenth, and a third of those that change something run."""


def is_inert(line: str) -> bool:
    """Whether a terminal, or an eye, acts on nothing in it."""
    return not any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") for each in line)


def assert_is_fit(command: Command, status: int, out: str, err: str) -> None:
    """What is printed is short and told in a line, and the status is one that is named."""
    said = f"{command.arguments} ended with {status}:\n{out[-3000:]}\n{err[-3000:]}"
    assert "Traceback" not in out + err, said
    assert status in command.statuses, said
    lines = err.split("\n")
    assert lines.pop() == "", said
    assert all(line.startswith("listener: ") for line in lines), said
    is_answer = status == 2 and out and "explain" in command.arguments  # why it cannot be told, among what can
    assert len(lines) == (status == 2 and not is_answer), said
    for line in [*lines, *([] if command.prints_names else out.split("\n"))]:
        assert is_inert(line), (command.arguments, line)
    for line in lines:
        assert len(line) <= LONGEST, said
    if "--json" in command.arguments and status != 2:
        json.loads(out)


@contextmanager
def daemon(url: str) -> Iterator[None]:
    """`listener run` meanwhile, which may end by itself, in one line."""
    process = DaemonProcess(url, {"sample_seconds": 0.5, "audit_seconds": 1, "heartbeat_seconds": 1}, cold=False)
    try:
        yield
        status = process.stop()
        lines = process.text().splitlines()
        assert "Traceback" not in process.text()
        told = [line for line in lines if not line.startswith("{") or '"start_failed"' in line]
        assert status in (0, 2), process.text()
        assert len(told) == (status == 2), told
        assert all(is_inert(line) and len(line) <= LONGEST for line in lines), process.text()
    finally:
        process.clean_up()


def does(database: Database, scripts: tuple[tuple[str, str], ...]) -> None:
    """Each script by its role."""
    for role, script in scripts:
        by = "" if role == SUPERUSER else f"set session authorization {role};\n"
        database.server.psql(database.name, by + script)


def runs(ground: Ground, role: str, command: Command, fault: Fault) -> None:
    """One command, by a role."""
    url = ground.database.url if role == SUPERUSER else ground.url(role)
    done = listener(url, *command.arguments, check=False, **(fault.settings if command.finds else {}))
    assert_is_fit(command, done.returncode, done.stdout, done.stderr)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each fault on two versions in the long form, and in the short one on one of them, in turns."""
    tried = [
        (what, version)
        for place, what in enumerate(FAULTS)
        for turn, version in enumerate(two_versions())
        if metafunc.config.getoption("long") or turn == place % len(two_versions())
    ]
    metafunc.parametrize(("what", "postgres_version"), tried, ids=[f"{what}-{version}" for what, version in tried])


@pytest.mark.quarter
async def test_every_command_ends_in_a_line(ground: Ground, what: str, request: pytest.FixtureRequest) -> None:
    fault = FAULTS[what]
    place = list(FAULTS).index(what)
    is_long = request.config.getoption("long")
    everything = looks(fault.profile)
    does(ground.database, fault.before)
    with ThreadPoolExecutor(AT_A_TIME) as pool:

        def look(role: str, commands: list[Command]) -> None:
            for done in [pool.submit(runs, ground, role, each, fault) for each in commands]:
                done.result()

        look(SUPERUSER, everything if is_long else everything[place % 8 :: 8])
        runs(ground, SUPERUSER, Command(("install", "--grant-to", DAEMON), (0, 2), finds=True), fault)
        does(ground.database, ((SUPERUSER, fault.rows), *fault.after))
        if fault.held:
            await ground.mallory.execute(fault.held)
        with daemon(ground.database.url):
            look(SUPERUSER, everything if is_long else everything[place % 6 :: 6])
            for turn, role in enumerate(BY_TURNS):
                look(role, everything if is_long else everything[(place + turn) % 10 :: 10])
        every_change = changes(fault.profile)
        for each in every_change if is_long else every_change[place % 3 :: 3]:
            runs(ground, SUPERUSER, each, fault)
    assert await ground.taken() == []
