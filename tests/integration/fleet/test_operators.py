"""What people do to a fleet's folder: the same database twice, a secret exchanged, a school taken away in an outage."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.support.fleet import NOWHERE, SIGN_UP, FleetProcess, wait_exact, write
from tests.support.postgres import wait_until


def test_a_database_in_two_files_is_told_and_served_once(
    folder: Path, make_school: Callable[[], Database], start_fleet: Callable[..., FleetProcess]
) -> None:
    school, other = make_school(), make_school()
    write(folder, "north", school)
    write(folder, "twin", school)
    fleet = start_fleet()
    assert fleet.told_of("school_twice", "twin")["other"] == "north"
    wait_until(
        lambda: {fleet.role_of("north"), fleet.role_of("twin")} == {"leading", "standing_by"}, "one of them stands by"
    )
    school.server.psql(school.name, SIGN_UP)
    wait_exact(school, 1)
    write(folder, "south", other)
    fleet.wait_for_role("south", "leading")
    assert len(fleet.events("school_twice")) == 1

    write(folder, "north", other)  # both are exchanged at once
    write(folder, "south", school)
    for name, database in (("north", other), ("south", school)):
        wait_until(
            lambda name=name, database=database: (  # type: ignore[misc]
                bool(fleet.lines("school_changed", name))
                and fleet.role_of(name) in ("leading", "standing_by")
                and fleet.lines("connected", name)[-1]["database"].endswith(database.name)
            ),
            f"{name} is {database.name}",
        )
    other.server.psql(other.name, SIGN_UP)
    wait_exact(other, 1)


def test_an_address_in_a_file_beside_it_may_change_and_a_new_password_disturbs_nobody(
    folder: Path, make_school: Callable[[], Database], start_fleet: Callable[..., FleetProcess]
) -> None:
    first, second = make_school(), make_school()
    secret = folder / "north.url"
    secret.write_text(first.url)
    (folder / "north.env").write_text("LISTENER_DATABASE_URL_FILE=north.url\n")
    fleet = start_fleet().wait_for_role("north", "leading")
    secret.write_text(first.url.replace("postgres@", "postgres:rotated@"))
    write(folder, "later", second)
    fleet.wait_for_role("later", "leading")
    (folder / "later.env").unlink()
    fleet.wait_for_role("later", None)
    assert fleet.lines("school_changed", "north") == []
    assert len(fleet.lines("leader_acquired", "north")) == 1

    half = folder / "half"
    half.write_text(second.url)
    half.rename(secret)
    fleet.told_of("school_changed", "north")
    fleet.wait_for_role("north", "leading")
    second.server.psql(second.name, SIGN_UP)
    wait_exact(second, 1)


def test_a_school_that_is_taken_away_in_an_outage_is_gone_at_once_and_may_come_back(
    folder: Path, make_school: Callable[[], Database], start_fleet: Callable[..., FleetProcess]
) -> None:
    school = make_school()
    write(folder, "north", NOWHERE)
    fleet = start_fleet()
    fleet.told_of("connection_lost", "north")
    (folder / "north.env").unlink()
    fleet.told_of("school_removed", "north")
    fleet.wait_for_role("north", None)
    write(folder, "north", school)
    fleet.wait_for_role("north", "leading")
    fleet.process.send_signal(signal.SIGHUP)
    fleet.told("files_read")
    school.server.psql(school.name, SIGN_UP)
    wait_exact(school, 1)
    assert len(fleet.lines("leader_acquired", "north")) == 1


def test_hundreds_of_files_are_taken_up_and_the_port_answers_meanwhile(
    folder: Path,
    make_school: Callable[[], Database],
    start_fleet: Callable[..., FleetProcess],
    pytestconfig: pytest.Config,
) -> None:
    files = 600 if pytestconfig.getoption("--long") else 200
    for number in range(files):
        (folder / f"school-{number:04}.env").write_text(f"LISTENER_DATABASE_URL='{NOWHERE}{number}'\n")
    fleet = start_fleet()
    wait_until(lambda: fleet.get("/livez")[0] == 200, "it answers")
    wait_until(lambda: fleet.get("/readyz")[0] == 200, "each has been tried", 100)
    school = make_school()
    write(folder, "z", school)
    fleet.wait_for_role("z", "leading", 40)
    assert len(fleet.listed()) == files + 1
    assert fleet.stop() == 0
