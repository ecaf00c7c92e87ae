"""`listener fleet …`: a command for each school, with what came of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
from tests.support.fleet import NOWHERE, write
from tests.support.process import environment, listener

IS_THERE = "select to_regnamespace('listener') is not null"


@pytest.fixture
def schools(folder: Path, make_database: Callable[..., Database]) -> dict[str, Database]:
    """Three in which nothing is installed."""
    made = {name: make_database(installed=False) for name in ("east", "north", "south")}
    for name, database in made.items():
        write(folder, name, database)
    return made


def fleet(folder: Path, *arguments: str, status: int = 0) -> str:
    """What a command for all schools prints."""
    done = listener("", "fleet", *arguments, check=False, fleet=folder)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def documents(text: str) -> dict[str, dict[str, Any]]:
    """By school, of what --json printed."""
    return {each["school"]: each for each in json.loads(text)["schools"]}


def is_there(database: Database) -> bool:
    return database.server.psql(database.name, IS_THERE).strip() == "t"


def test_each_is_installed_looked_at_and_removed(folder: Path, schools: dict[str, Database]) -> None:
    told = fleet(folder, "install", "--parallel", "2").splitlines()
    assert sorted(line.partition(":")[0] for line in told[:-1]) == list(schools)
    assert {line.rpartition("(")[2] for line in told[:-1]} == {f"{done} of 3)" for done in (1, 2, 3)}
    assert told[-1] == "3 schools well"
    assert all(map(is_there, schools.values()))

    assert fleet(folder, "diagnose", "north").splitlines() == ["north: in sync", "1 school well"]
    seen = documents(fleet(folder, "status", "--json", status=1))  # nobody leads
    assert {name: each["healthy"] for name, each in seen.items()} == dict.fromkeys(schools, False)
    assert "no_leader" in {problem["code"] for problem in seen["north"]["problems"]}

    told_by_name = fleet(folder, "uninstall", status=2)
    assert "say which schools, or --all" in told_by_name
    fleet(folder, "uninstall", "north")
    assert [is_there(each) for each in schools.values()] == [True, False, True]
    assert documents(fleet(folder, "uninstall", "--all", "--json"))["south"]["output"][-1] == "removed schema listener"
    assert not any(map(is_there, schools.values()))


def test_the_owner_s_address_in_a_school_s_file_is_the_one_that_commands_use(
    folder: Path, schools: dict[str, Database]
) -> None:
    write(folder, "north", NOWHERE, admin_url=schools["north"].url)
    (folder / "south.owner").write_text(schools["south"].url)
    write(folder, "south", NOWHERE, admin_url_file="south.owner")
    for command in ("install", "diagnose", "uninstall"):
        assert fleet(folder, command, "north", "south").splitlines()[-1] == "2 schools well", command
    assert "run `listener install` first" in fleet(folder, "status", "north", status=1)


def test_an_upgrade_stops_where_it_fails_and_says_where(folder: Path, schools: dict[str, Database]) -> None:
    schools["north"].server.psql(schools["north"].name, "drop table courses cascade")
    told = fleet(folder, "install", status=1)
    assert "cannot find the enrollments table" in next(line for line in told.splitlines() if line.startswith("north: "))
    assert "1 school well, 1 not: north" in told
    assert "1 school not begun, from south on" in told
    assert [is_there(each) for each in schools.values()] == [True, False, False]

    document = json.loads(fleet(folder, "install", "--keep-going", "--json", status=1))
    assert {each["school"]: each["exit_status"] for each in document["schools"]} == {"east": 0, "north": 2, "south": 0}
    assert document["not_begun"] == []


def test_a_wrong_file_and_a_server_that_is_down_are_told_beside_the_others(
    folder: Path, schools: dict[str, Database]
) -> None:
    fleet(folder, "install", "east")
    (folder / "north.env").write_text("LISTENER_DATABASE_URL=mysql://x/y\n")
    write(folder, "south", "postgresql://postgres@127.0.0.1:1/x")
    found = documents(fleet(folder, "diagnose", "--json", status=1))
    assert found["east"]["exit_status"] == 0
    assert "postgresql://" in found["north"]["problem"]
    assert "cannot reach the database at 127.0.0.1:1/x" in found["south"]["problem"]
    assert "there is no school west" in fleet(folder, "status", "west", status=2)


def test_in_a_terminal_it_says_how_far_it_is(folder: Path, schools: dict[str, Database]) -> None:
    ours, theirs = os.openpty()
    surroundings = environment("", fleet=folder)
    del surroundings["LISTENER_DATABASE_URL"]
    done = subprocess.run(
        [sys.executable, "-m", "listener", "fleet", "status", "north", "south"],
        env=surroundings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        timeout=100,
        check=False,
    )
    os.close(theirs)
    told = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "1 of 2" in told
    assert "2 of 2" in told
    assert done.returncode == 1
    assert len(schools) == 3
