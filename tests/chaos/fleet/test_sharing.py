"""Two processes that share: each leads half, also after one came, left or was killed, and each school is exact."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.support.fleet import SIGN_UP, FleetProcess, is_exact, write
from tests.support.postgres import wait_until

SCHOOLS = 6
SEED = 27
ROUNDS = 2
STUDENTS = "select count(*) from profiles where role = 'student'"


def led(fleet: FleetProcess) -> int:
    """Schools that this process leads, by its own page."""
    return sum(each["role"] == "leading" for each in fleet.listed()) if fleet.get("/readyz")[0] == 200 else -1


@pytest.fixture
def schools(folder: Path, make_school: Callable[[], Database]) -> dict[str, Database]:
    """Some, with their files."""
    found = {f"s{number}": make_school() for number in range(SCHOOLS)}
    for name, school in found.items():
        write(folder, name, school)
    return found


def all_exact(schools: dict[str, Database]) -> bool:
    return all(is_exact(each, int(each.server.psql(each.name, STUDENTS))) for each in schools.values())


def test_two_processes_lead_half_each_also_when_one_was_killed_and_came_back(
    request: pytest.FixtureRequest, schools: dict[str, Database], start_fleet: Callable[..., FleetProcess]
) -> None:
    seed = request.config.getoption("--seed")
    chance = random.Random(SEED if seed is None else seed)

    def start() -> FleetProcess:
        return start_fleet(fleet_share="true")

    def sign_up() -> None:
        for school in schools.values():
            school.server.psql(school.name, "; ".join([SIGN_UP] * chance.randrange(1, 4)))

    def halves() -> bool:
        sign_up()
        return [led(each) for each in fleets] == [SCHOOLS // 2] * 2

    fleets = [start()]
    wait_until(lambda: led(fleets[0]) == SCHOOLS, "the first leads all")
    fleets.append(start())
    wait_until(halves, "they lead half each", 60)
    assert fleets[0].lines("connection_lost", None) == []
    for number in range(ROUNDS * (10 if request.config.getoption("--long") else 1)):
        killed = fleets.pop(chance.randrange(2))
        if number % 2:
            assert killed.stop() == 0
        else:
            killed.kill()
        sign_up()
        wait_until(lambda: led(fleets[0]) == SCHOOLS, f"the other leads all; {fleets[0].text()}")
        wait_until(lambda: all_exact(schools), "each is exact")
        fleets.append(start())
        wait_until(halves, f"they lead half each again; {fleets[0].text()}", 60)
    wait_until(lambda: all_exact(schools), "each is exact")


def test_without_the_setting_the_first_keeps_all(
    schools: dict[str, Database], start_fleet: Callable[..., FleetProcess]
) -> None:
    first = start_fleet()
    wait_until(lambda: led(first) == SCHOOLS, "the first leads all")
    second = start_fleet(fleet_share="true")
    for name in schools:
        second.wait_for_role(name, "standing_by")
    standbys = f'listener_standbys{{school="{next(iter(schools))}"}}'
    first.shows(standbys, 1)
    assert led(first) == SCHOOLS
    assert first.events("lead_given_back") == []
