"""Schools in one process: each with a life, a name in the log, and figures of its own."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Database
from tests.support.fleet import SIGN_UP, FleetProcess, wait_exact, write
from tests.support.postgres import wait_until


def test_each_school_is_served_by_one_process(
    folder: Path, make_school: Callable[[], Database], start_fleet: Callable[..., FleetProcess]
) -> None:
    schools = {name: make_school() for name in ("north", "south")}
    for name, database in schools.items():
        write(folder, name, database)
    fleet = start_fleet()
    for number, (name, database) in enumerate(schools.items(), 1):
        fleet.wait_for_role(name, "leading")
        for _ in range(number):
            database.server.psql(database.name, SIGN_UP)
        wait_exact(database, number)
        fleet.shows(f'listener_enrollments_created_total{{school="{name}"}}', number)
        assert fleet.told_of("student_enrolled", name)["database"].endswith(database.name)
    assert json.loads(fleet.get("/readyz")[1]) == {"status": "ok", "schools": 2, "not_ready": {}}
    assert fleet.get("/livez")[0] == 200
    assert fleet.stop() == 0
    assert [line["event"] for line in fleet.events()][-2:] == ["stopping", "stopped"]
    assert fleet.lines("connection_lost", "north") == []


def test_a_second_process_stands_by_and_takes_over_school_by_school(
    folder: Path, make_school: Callable[[], Database], start_fleet: Callable[..., FleetProcess]
) -> None:
    schools = {name: make_school() for name in ("north", "south", "west")}
    for name, database in schools.items():
        write(folder, name, database)
    first = start_fleet()
    for name in schools:
        first.wait_for_role(name, "leading")
    second = start_fleet()
    for name in schools:
        second.wait_for_role(name, "standing_by")
    first.kill()
    for name, database in schools.items():
        database.server.psql(database.name, SIGN_UP)
        second.wait_for_role(name, "leading")
        wait_exact(database, 1)


def test_the_statement_in_hand_is_finished_when_the_process_stops(
    folder: Path, make_school: Callable[[], Database], start_fleet: Callable[..., FleetProcess]
) -> None:
    school = make_school()
    write(folder, "north", school)
    slow = "create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.7); return new; end'"
    trigger = "create trigger slow before insert on enrollments for each row execute function slow()"
    school.server.psql(school.name, f"{slow}; {trigger};")
    fleet = start_fleet().wait_for_role("north", "leading")
    school.server.psql(school.name, SIGN_UP)
    sleeps = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
    wait_until(lambda: school.server.psql(school.name, sleeps).strip() == "1", "the batch is in hand")
    assert fleet.stop(signal.SIGTERM) == 0
    assert school.server.psql(school.name, "select count(*) from enrollments").strip() == "1"
