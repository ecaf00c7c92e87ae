"""Problems that a daemon alone knows of: that it is not connected, or does not hear. They are shown by its port, by its
metrics and by alerts; and every problem there is, is made to happen by some test."""

from collections.abc import Callable

from listener.database.connection import Connection
from listener.instruments.problem_kinds import KINDS
from tests.conftest import Database
from tests.integration.inspection.test_problems import Places, until_empty
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener
from tests.support.refusing import refuse
from tests.support.troubles import FAULTS

BY_OTHER_TESTS = {
    "no_leader": "test_nobody_leads_is_seen_by_a_standby_and_every_command",
    "no_standby": "test_a_standby_that_goes_is_missed_by_the_next_leader_too",
    "polling": "test_a_daemon_that_polls_is_a_problem_until_it_need_not",
    "not_connected": "test_a_daemon_that_is_not_connected_says_so_until_it_is",
    "deaf": "test_a_daemon_whose_heartbeat_is_overdue_says_so_until_it_comes_back",
    "route_missed": "test_students_of_a_rule_by_query_whom_no_note_told_of_are_a_problem_until_an_audit_finds_no_more",
}


class OwnPlaces(Places):
    """Those of a daemon that the commands know nothing of."""

    def missing(self, codes: set[str]) -> dict[str, set[str]]:
        """Which of the codes are not shown, and where."""
        found = {"readyz": self.port("/readyz"), "page": self.port("/state.json"), "gauge": self.gauges()}
        return {place: codes - shown for place, shown in found.items() if codes - shown}

    def left(self, codes: set[str]) -> dict[str, set[str]]:
        """Which of the codes are shown still, and where."""
        found = {"readyz": self.port("/readyz"), "page": self.port("/state.json"), "gauge": self.gauges()}
        return {place: codes & shown for place, shown in found.items() if codes & shown}


def test_every_code_is_made_to_happen() -> None:
    assert set().union(*FAULTS.values()) | set(BY_OTHER_TESTS) == set(KINDS)


async def test_a_daemon_that_is_not_connected_says_so_until_it_is(
    database: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(database, heartbeat_seconds=1, sample_seconds=0.3).wait_ready("leading")
    places = OwnPlaces(database.url, daemon, None)
    database.server.psql(
        "postgres",
        f"alter database {database.name} allow_connections false;"
        f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database.name}'",
    )
    await until_empty(places.missing, {"not_connected"}, "not shown")
    assert daemon.get("/readyz")[0] == 503
    away = f"{database.name}_away"
    database.server.psql("postgres", f"alter database {database.name} rename to {away}")
    assert f'database "{database.name}" does not exist' in listener(database.url, "status", check=False).stderr
    database.server.psql("postgres", f"alter database {away} rename to {database.name}")
    database.server.psql("postgres", f"alter database {database.name} allow_connections true")
    await until_empty(places.left, {"not_connected"}, "still shown")


async def test_a_daemon_whose_heartbeat_is_overdue_says_so_until_it_comes_back(
    database: Database, connection: Connection, course: None, start_daemon: Callable[..., DaemonProcess]
) -> None:
    """The server works on one statement of its for long, and then on the next."""
    await connection.execute(refuse("pg_sleep(4) is null"))
    daemon = start_daemon(database, heartbeat_seconds=0.5, sample_seconds=0.3).wait_ready("leading")
    places = OwnPlaces(database.url, daemon, None)
    await connection.execute("insert into profiles (role) values ('student'), ('student'), ('student')")
    await until_empty(places.missing, {"deaf"}, "not shown")
    assert daemon.get("/readyz")[0] == 503
    await eventually(connection, "select count(*) from enrollments", equals=3, seconds=60)
    await until_empty(places.left, {"deaf"}, "still shown")
