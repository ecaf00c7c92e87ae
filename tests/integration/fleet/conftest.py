"""Schools with a course each, and fleets that never outlive their test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.support.fleet import COURSE, QUICK, FleetProcess


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of the schools' files."""
    made = tmp_path / "schools"
    made.mkdir()
    return made


@pytest.fixture
def make_school(make_database: Callable[..., Database]) -> Callable[[], Database]:
    """Makes a school's database, with one course."""

    def make() -> Database:
        database = make_database()
        database.server.psql(database.name, COURSE)
        return database

    return make


@pytest.fixture
def start_fleet(folder: Path) -> Iterator[Callable[..., FleetProcess]]:
    """Starts processes that serve the folder: `start_fleet(heartbeat_seconds=1)`."""
    started: list[FleetProcess] = []

    def start(**settings: object) -> FleetProcess:
        fleet = FleetProcess(settings=QUICK | settings, folder=folder, cold=False)
        started.append(fleet)
        return fleet

    yield start
    for fleet in started:
        fleet.clean_up()
