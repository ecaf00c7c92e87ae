"""One school in three clusters: PL/Proxy routes its sign-ups, a fleet enrolls them, as the how-to has it."""

import re
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread
import pytest

from tests.conftest import Database, install_script
from tests.support import lms
from tests.support.fleet import COURSE, FleetProcess, freeze, is_exact, thaw, wait_exact, write
from tests.support.postgres import SYSTEM, Server, wait_until
from tests.support.process import listener
from tests.support.project import ROOT
from tests.support.proxy import Proxy

VERSION = 15
CONTROL = Path(f"/usr/share/postgresql/{VERSION}/extension/plproxy.control")
PAGE = ROOT / "docs" / "how-to" / "shards.md"
STUDENTS = "select count(*) from profiles where role = 'student'"
SHARDS = 3


def blocks(language: str) -> list[str]:
    """The page's, that need PL/Proxy."""
    block = rf"```{language}\n\S+ not run by the tests: only where.*?\n(.*?)```"
    found = re.findall(block, PAGE.read_text(), re.DOTALL)
    assert found
    return found


@dataclass
class School:
    """Its shards, and the database that routes to them."""

    router: Server
    shards: list[Database]
    emails: int = 0

    def sign_up(self, count: int = 12) -> int:
        """By that database. Returns how many it refused."""
        refused = 0
        for _ in range(count):
            self.emails += 1
            try:
                self.router.psql("postgres", f"select sign_up('student-{self.emails}@example.com')")
            except subprocess.CalledProcessError:
                refused += 1
        return refused

    def wait_exact(self, *but: Database) -> None:
        """Wait until each shard is, or all but these are."""
        for shard in self.shards:
            if shard not in but:
                wait_until(lambda shard=shard: is_exact(shard, students(shard)), f"{shard.name} is exact")  # type: ignore[misc]

    def total(self) -> int:
        return sum(map(students, self.shards))


def students(shard: Database) -> int:
    return int(shard.server.psql(shard.name, STUDENTS))


def connected(server: Server, name: str) -> str:
    return f"host=127.0.0.1 port={server.port} dbname={name}"


@pytest.fixture(scope="module")
def clusters() -> Iterator[list[Server]]:
    """The routing one, and the shards'."""
    if not CONTROL.exists() or not (SYSTEM / str(VERSION)).is_dir():
        pytest.skip(f"PL/Proxy for Postgres {VERSION} is not installed: apt-get install postgresql-{VERSION}-plproxy")
    servers = [Server(VERSION) for _ in range(1 + SHARDS)]
    for server in servers:
        server.create()
        server.start()
    yield servers
    for server in servers:
        server.destroy()


@pytest.fixture(scope="module")
def school(clusters: list[Server]) -> School:
    """As the page says, with these clusters' addresses in place of its own."""
    router, *servers = clusters
    routes, of_shard, *_ = blocks("sql")
    shards = []
    for number, server in enumerate(servers):
        name = f"academy_{number}"
        server.psql("postgres", f"create database {name}")
        server.psql(name, lms.schema("uuid"))
        server.psql(name, install_script(server.url(name)))
        server.psql(name, f"{COURSE}; {of_shard}")
        routes = routes.replace(f"host=shard{number}.example.com dbname=lms", connected(server, name))
        shards.append(Database(server, name))
    routes = routes.replace("'5s'", "'2s'").replace("'app'", "'postgres'")
    routes = routes.replace("to app", "to postgres").replace("role app", "role postgres")
    router.psql("postgres", routes)
    return School(router, shards)


@pytest.fixture
async def proxy(school: School) -> AsyncIterator[Proxy]:
    """The fleet's way to the last one."""
    made = Proxy(school.shards[-1].server.port)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def fleet(folder: Path, school: School, proxy: Proxy, start_fleet: Callable[..., FleetProcess]) -> FleetProcess:
    """It leads all shards."""
    for shard in school.shards[:-1]:
        write(folder, shard.name, shard)
    last = school.shards[-1]
    write(folder, last.name, f"postgresql://postgres@127.0.0.1:{proxy.port}/{last.name}")

    def begin() -> FleetProcess:
        begun = start_fleet(statement_seconds=3)
        for shard in school.shards:
            begun.wait_for_role(shard.name, "leading")
        return begun

    return await anyio.to_thread.run_sync(begin)


async def test_a_shard_that_is_killed_frozen_or_cut_off_stops_its_own_students_alone(
    school: School, fleet: FleetProcess, proxy: Proxy
) -> None:
    killed, frozen, cut = school.shards

    def survive() -> None:
        before = school.total()
        assert school.sign_up(15) == 0
        school.wait_exact()
        assert all(map(students, school.shards)), "each has some"
        assert school.total() == before + 15

        killed.server.stop("immediate")
        assert 0 < school.sign_up() < 12
        school.wait_exact(killed)
        killed.server.start()

        freeze(frozen.server)
        try:
            assert 0 < school.sign_up() < 12
            school.wait_exact(frozen)
        finally:
            thaw(frozen.server)

    await anyio.to_thread.run_sync(survive)
    proxy.cut()

    def go_on() -> None:
        assert school.sign_up() == 0
        school.wait_exact(cut)
        fleet.told_of("heartbeat_missed", cut.name)
        assert not is_exact(cut, students(cut))

    await anyio.to_thread.run_sync(go_on)
    proxy.mend()

    def recover() -> None:
        for shard in school.shards:
            fleet.wait_for_role(shard.name, "leading", 40)
        school.wait_exact()
        assert school.sign_up() == 0
        school.wait_exact()

    await anyio.to_thread.run_sync(recover)


async def test_shards_are_upgraded_while_they_are_served(school: School, fleet: FleetProcess, folder: Path) -> None:
    def upgrade() -> None:
        for shard in school.shards:
            shard.server.psql(shard.name, "drop function listener.step(integer, interval) cascade")
        assert school.sign_up() == 0
        told = listener("", "fleet", "install", "--parallel", "2", fleet=folder, database_url="")
        assert told.stdout.splitlines()[-1] == "3 schools well"
        assert school.sign_up() == 0
        school.wait_exact()
        for shard in school.shards:
            assert shard.server.psql(shard.name, "select count(*) from listener.step()").strip() == "1"

    await anyio.to_thread.run_sync(upgrade)


async def test_a_shard_moves_to_another_cluster_while_the_fleet_runs(
    school: School, fleet: FleetProcess, folder: Path
) -> None:
    moves, target = school.shards[1], school.shards[0].server
    _, _, ended, rerouted = blocks("sql")
    (copied,) = blocks("bash")

    def move() -> None:
        assert school.sign_up() == 0
        moves.server.psql(moves.name, ended)
        refused = school.sign_up()
        assert 0 < refused < 12
        target.psql("postgres", "create database moved")
        bin_ = str(target.program("psql").parent)
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", copied],
            env={"PATH": f"{bin_}:/usr/bin:/bin", "FROM": moves.url, "TO": target.url("moved")},
            check=True,
            capture_output=True,
        )
        moved = Database(target, "moved")
        school.router.psql(
            "postgres",
            rerouted.replace("p2", "p1").replace("host=shard3.example.com dbname=lms", connected(target, "moved")),
        )
        write(folder, moves.name, moved)
        before = students(moves)
        school.shards[1] = moved
        fleet.told_of("school_changed", moves.name)
        assert school.sign_up() == 0
        fleet.wait_for_role(moves.name, "leading")
        school.wait_exact()
        assert students(moved) > before == students(moves)
        wait_exact(moved, students(moved))

    await anyio.to_thread.run_sync(move)
