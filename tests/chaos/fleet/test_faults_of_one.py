"""What befalls one school's server is no other school's affair."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import anyio.to_thread
import pytest

from tests.conftest import Database
from tests.support.fleet import COURSE, SIGN_UP, FleetProcess, freeze, thaw, wait_exact, write
from tests.support.postgres import Server, wait_until
from tests.support.proxy import Proxy

StartFleet = Callable[..., FleetProcess]


@pytest.fixture
def good(make_school: Callable[[], Database]) -> Database:
    """A school in a server that nothing befalls."""
    return make_school()


@pytest.fixture
def bad_schools(mistreated: list[Server], templates: Callable[[Server, str, bool], str]) -> list[Database]:
    """One in each server that may be treated badly."""
    found = []
    for server in mistreated:
        server.copy(templates(server, "uuid", True), "school")
        server.psql("school", COURSE)
        found.append(Database(server, "school"))
    return found


@pytest.fixture(autouse=True)
def tidy(mistreated: list[Server], bad_schools: list[Database]) -> Iterator[None]:
    yield
    for server in mistreated:
        thaw(server)
        if server.process.poll() is not None:
            server.start()
    for school in bad_schools:
        school.server.psql("postgres", f"drop database {school.name} with (force)")


@pytest.fixture
async def proxy(bad_schools: list[Database]) -> AsyncIterator[Proxy]:
    """The way to the second one."""
    made = Proxy(bad_schools[1].server.port)
    await made.start()
    yield made
    await made.stop()


def sign_up(school: Database) -> None:
    school.server.psql(school.name, SIGN_UP)


async def test_servers_that_hang_or_cannot_be_reached_stop_no_other(
    folder: Path, good: Database, bad_schools: list[Database], proxy: Proxy, start_fleet: StartFleet
) -> None:
    frozen, cut = bad_schools
    write(folder, "good", good)
    write(folder, "frozen", frozen)
    write(folder, "cut", f"postgresql://postgres@127.0.0.1:{proxy.port}/{cut.name}")

    def begin() -> FleetProcess:
        fleet = start_fleet(statement_seconds=3)
        for name in ("good", "frozen", "cut"):
            fleet.wait_for_role(name, "leading")
        sign_up(frozen)
        wait_exact(frozen, 1)
        freeze(frozen.server)
        return fleet

    fleet = await anyio.to_thread.run_sync(begin)
    proxy.cut()

    def endure() -> None:
        sign_up(cut)  # by another way
        for number in range(1, 6):
            sign_up(good)
            wait_exact(good, number)
        for name in ("frozen", "cut"):
            fleet.told_of("heartbeat_missed", name)
            wait_until(lambda name=name: fleet.role_of(name) == "unavailable", f"{name} is told")  # type: ignore[misc]
        assert fleet.get("/readyz")[0] == 200
        sign_up(good)
        wait_exact(good, 6)
        assert fleet.role_of("good") == "leading"
        assert fleet.lines("connection_lost", "good") == []
        thaw(frozen.server)

    await anyio.to_thread.run_sync(endure)
    proxy.mend()

    def recover() -> None:
        sign_up(frozen)
        for name, school, students in (("frozen", frozen, 2), ("cut", cut, 1)):
            fleet.wait_for_role(name, "leading", 40)
            wait_exact(school, students)
        assert fleet.stop() == 0

    await anyio.to_thread.run_sync(recover)


def test_a_server_that_is_killed_comes_back_alone(
    folder: Path, good: Database, bad_schools: list[Database], start_fleet: StartFleet
) -> None:
    killed = bad_schools[0]
    write(folder, "good", good)
    write(folder, "killed", killed)
    fleet = start_fleet()
    for name in ("good", "killed"):
        fleet.wait_for_role(name, "leading")
    killed.server.stop("immediate")
    fleet.told_of("connection_lost", "killed")
    sign_up(good)
    wait_exact(good, 1)
    killed.server.start()
    sign_up(killed)
    fleet.wait_for_role("killed", "leading", 40)
    wait_exact(killed, 1)
    assert len(fleet.lines("leader_acquired", "good")) == 1


def test_a_process_stops_in_time_though_a_server_hangs(
    folder: Path, good: Database, bad_schools: list[Database], start_fleet: StartFleet
) -> None:
    write(folder, "good", good)
    write(folder, "frozen", bad_schools[0])
    fleet = start_fleet(shutdown_seconds=2)
    for name in ("good", "frozen"):
        fleet.wait_for_role(name, "leading")
    freeze(bad_schools[0].server)
    assert fleet.stop() == 0
