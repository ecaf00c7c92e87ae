"""Random histories: files come, go and turn wrong, servers hang and die, either process is killed.

In the end each school is exact."""

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from tests.conftest import Database
from tests.support.fleet import COURSE, SIGN_UP, FleetProcess, freeze, thaw, wait_exact, write
from tests.support.postgres import Server

SEED = 27
ROUNDS = 12
STUDENTS = "select count(*) from profiles where role = 'student'"


class History:
    """Schools in two servers, two processes, and what befalls them."""

    def __init__(
        self, schools: dict[str, Database], folder: Path, start: Callable[[], FleetProcess], chance: random.Random
    ) -> None:
        self._schools, self._folder, self._start, self._chance = schools, folder, start, chance
        self._servers = list({id(each.server): each.server for each in schools.values()}.values())
        self._fleets = [start(), start()]
        self._told: list[str] = []

    def step(self) -> None:
        """Something happens."""
        what = self._chance.choice((self._file, self._file, self._process, self._server, self._sign_ups))
        what()
        self._sign_ups()

    def __str__(self) -> str:
        return "; ".join(self._told)

    def _file(self) -> None:
        name = self._chance.choice(list(self._schools))
        file = self._folder / f"{name}.env"
        match self._chance.randrange(4):
            case 0:
                self._told.append(f"{name} goes")
                file.unlink(missing_ok=True)
            case 1:
                self._told.append(f"{name} turns wrong")
                file.write_text("LISTENER_DATABASE_URL=mysql://\n")
            case 2:
                self._told.append(f"{name} is half written")
                file.write_text(f"LISTENER_DATABASE_URL={self._schools[name].url[:-3]}")
            case _:
                self._told.append(f"{name} changes")
                write(self._folder, name, self._schools[name], heartbeat_seconds=self._chance.uniform(0.3, 0.9))

    def _process(self) -> None:
        number = self._chance.randrange(2)
        self._told.append(f"process {number} is killed")
        self._fleets[number].kill()
        self._fleets[number] = self._start()

    def _server(self) -> None:
        server = self._chance.choice(self._servers)
        if self._chance.random() < 0.5:
            self._told.append(f"{server.port} hangs")
            freeze(server)
        else:
            self._told.append(f"{server.port} is restarted")
            thaw(server)
            server.restart("immediate")

    def _sign_ups(self) -> None:
        for server in self._servers:
            if self._chance.random() < 0.5:
                thaw(server)
        for name in self._chance.sample(list(self._schools), 2):
            school = self._schools[name]
            thaw(school.server)
            with suppress(CalledProcessError):
                school.server.psql(school.name, SIGN_UP)

    def ends_well(self) -> None:
        """All is mended: each school is led, and exact."""
        for server in self._servers:
            thaw(server)
        for name, school in self._schools.items():
            write(self._folder, name, school)
        for name, school in self._schools.items():
            students = int(school.server.psql(school.name, STUDENTS))
            wait_exact(school, students, 60)
            roles = {str(each.role_of(name)) for each in self._fleets}
            assert "leading" in roles or "unavailable" in roles


@pytest.fixture
def schools(mistreated: list[Server], templates: Callable[[Server, str, bool], str]) -> dict[str, Database]:
    """Two in each server, with a student each."""
    found = {}
    for place, server in enumerate(mistreated):
        for number in range(2):
            name = f"school_{place}{number}"
            server.copy(templates(server, "uuid", True), name)
            server.psql(name, f"{COURSE}; {SIGN_UP};")
            found[name] = Database(server, name)
    return found


def test_each_school_is_exact_in_the_end(
    request: pytest.FixtureRequest, schools: dict[str, Database], folder: Path, start_fleet: Callable[..., FleetProcess]
) -> None:
    seed = request.config.getoption("--seed")
    seed = SEED if seed is None else seed
    rounds = ROUNDS * (20 if request.config.getoption("--long") else 1)
    for name, school in schools.items():
        write(folder, name, school)
    history = History(schools, folder, lambda: start_fleet(statement_seconds=3), random.Random(seed))
    try:
        for _ in range(rounds):
            history.step()
        history.ends_well()
    except AssertionError as error:
        raise AssertionError(f"--seed {seed}: {history}") from error
