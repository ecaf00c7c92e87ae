"""Fleets as users run them: a folder of files, and processes that serve it."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
from tests.support.postgres import Server, wait_until
from tests.support.process import DaemonProcess

QUICK = {"heartbeat_seconds": 0.5, "audit_seconds": 3000, "sample_seconds": 0.5}
COURSE = "insert into courses (title, price) values ('default', 0)"
NOWHERE = "postgresql://postgres@127.0.0.1:1/x"
SIGN_UP = "insert into profiles (role) values ('student')"
ENROLLED = """
select count(*) = {students} and bool_and(courses.enrollments = (select count(*) from enrollments))
from enrollments, courses
"""


@dataclass
class FleetProcess(DaemonProcess):
    """`listener run --fleet FOLDER`; the settings are the process's, and so each school's."""

    url: str = ""
    folder: Path = field(kw_only=True)

    def surroundings(self) -> dict[str, str]:
        """As a daemon's, with a folder in place of a database."""
        found = super().surroundings() | {"LISTENER_FLEET": str(self.folder)}
        return {name: value for name, value in found.items() if name != "LISTENER_DATABASE_URL"}

    def school(self, name: str, path: str = "readyz") -> dict[str, Any]:
        """What one of a school's paths says, in JSON; empty if there is no such school."""
        status, body = self.get(f"/schools/{name}/{path}")
        return {} if status in (0, 404) else dict(json.loads(body))

    def role_of(self, name: str) -> str | None:
        """What it does for it, once it is ready; None if there is no such school."""
        said = self.school(name)
        return "unavailable" if said.get("status") == "unavailable" else said.get("role")

    def listed(self) -> list[dict[str, Any]]:
        """All schools, in the page's order."""
        return list(json.loads(self.get("/state.json")[1])["schools"])

    def wait_for_role(self, name: str, role: str | None, seconds: float = 20.0) -> "FleetProcess":
        """Wait until it does that for this school; None: nothing any more."""
        wait_until(lambda: self.role_of(name) == role, f"{name} is {role}; the log:\n{self.text()}", seconds)
        return self

    def lines(self, event: str, school: str | None) -> list[dict[str, Any]]:
        """The log's, of one event and school."""
        return [line for line in self.events(event) if line.get("school") == school]

    def told_of(self, event: str, school: str) -> dict[str, Any]:
        """The last line of this event and school, once there is one."""
        wait_until(lambda: bool(self.lines(event, school)), f"{event} of {school}; the log:\n{self.text()}")
        return self.lines(event, school)[-1]


def write(folder: Path, name: str, database: Database | str, **settings: object) -> Path:
    """A school's file; it is there as a whole, or not at all."""
    url = database if isinstance(database, str) else database.url
    said = {"DATABASE_URL": url} | {setting.upper(): value for setting, value in settings.items()}
    half = folder / f".{name}"
    half.write_text("".join(f"LISTENER_{setting}='{value}'\n" for setting, value in said.items()))
    return half.rename(folder / f"{name}.env")


def is_exact(database: Database, students: int) -> bool:
    """Whether so many are enrolled in its one course, and it says so."""
    return database.server.psql(database.name, ENROLLED.format(students=students)).strip() == "t"


def wait_exact(database: Database, students: int, seconds: float = 20.0) -> None:
    wait_until(lambda: is_exact(database, students), f"{students} are enrolled in {database.name}", seconds)


def freeze(server: Server) -> None:
    """Stop all its processes: what is sent to it is taken, and never answered. A postmaster that is stopped makes no
    more of them."""
    for pid in (server.process.pid, *_children(server)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)


def thaw(server: Server) -> None:
    """The end of that."""
    for pid in (*_children(server), server.process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _children(server: Server) -> list[int]:
    text = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    return [int(pid) for pid in text.split()]


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
