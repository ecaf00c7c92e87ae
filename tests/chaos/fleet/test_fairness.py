"""What one school does costs the others no turn: counted in order, not in seconds."""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Database
from tests.support.fleet import SIGN_UP, FleetProcess, wait_exact, write
from tests.support.postgres import wait_until

FLOOD = "insert into profiles (role) select 'student' from generate_series(1, 20000)"
HOLD = "begin; lock table courses in access exclusive mode; select pg_sleep(1000)"
WAITING = """
select pid from pg_stat_activity
where datname = current_database() and application_name = 'listener-audit' and wait_event_type = 'Lock'
"""


def audits(fleet: FleetProcess, school: str) -> float:
    """Audits of a school that have begun."""
    found = re.search(rf'^listener_audits_total{{school="{school}"}} (\S+)', fleet.get("/metrics")[1], re.MULTILINE)
    assert found is not None
    return float(found[1])


def enrolled(school: Database) -> int:
    return int(school.server.psql(school.name, "select count(*) from enrollments"))


def test_a_student_beside_a_flood_does_not_wait_for_its_end(
    folder: Path, make_school: Callable[[], Database], start_fleet: Callable[..., FleetProcess]
) -> None:
    flooded, others = make_school(), [make_school() for _ in range(3)]
    write(folder, "flooded", flooded)
    for number, school in enumerate(others):
        write(folder, f"other{number}", school)
    fleet = start_fleet(batch_size=500)
    for name in ("flooded", "other0", "other1", "other2"):
        fleet.wait_for_role(name, "leading")
    flooded.server.psql(flooded.name, FLOOD)
    wait_until(lambda: enrolled(flooded) > 0, "the flood is being handled")
    for school in others:
        school.server.psql(school.name, SIGN_UP)
    for school in others:
        wait_exact(school, 1)
    assert enrolled(flooded) < 20000, "the others were done before"
    wait_exact(flooded, 20000, 100)


def test_an_audit_that_hangs_keeps_its_own_turn_and_the_others_have_theirs(
    folder: Path, make_school: Callable[[], Database], start_fleet: Callable[..., FleetProcess]
) -> None:
    stuck, others = make_school(), [make_school() for _ in range(3)]
    schools = {"stuck": stuck} | {f"other{number}": school for number, school in enumerate(others)}
    for name, school in schools.items():
        write(folder, name, school)
    fleet = start_fleet(fleet_audits=2, audit_seconds=0.1)
    for name in schools:
        fleet.wait_for_role(name, "leading")
    holder = subprocess.Popen([str(stuck.server.program("psql")), stuck.url, "-Xqc", HOLD], stderr=subprocess.PIPE)
    waiting: list[str] = []

    def is_waiting() -> bool:
        waiting[:] = stuck.server.psql(stuck.name, WAITING).split()
        return bool(waiting)

    wait_until(is_waiting, "its audit waits for a lock, for a moment", 40)
    os.kill(int(waiting[0]), signal.SIGSTOP)
    try:
        holder.terminate()
        holder.communicate()
        begun = {name: audits(fleet, name) for name in schools}
        wait_until(
            lambda: all(audits(fleet, name) > begun[name] for name in schools if name != "stuck"),
            "each other is audited",
            100,
        )
        assert audits(fleet, "stuck") == begun["stuck"]
    finally:
        os.kill(int(waiting[0]), signal.SIGCONT)
