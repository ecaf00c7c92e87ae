"""Somebody between the daemon and the database: what each `sslmode` lets them have, and who is told of it where."""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from listener.database.connection import close, connect
from listener.database.driver_errors import CONNECTION_ERRORS
from listener.transport import weakness
from tests.conftest import Database
from tests.support.certificates import by_authority, needs_openssl, signed
from tests.support.imposter import Imposter, Trick
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener

PASSWORD = "hush-hush"
ELSEWHERE = "192.0.2.1"
"""An address of nobody's (RFC 5737)."""
MODES = ("", "disable", "allow", "prefer", "require", "verify-ca", "verify-full")

pytestmark = needs_openssl


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Certificates: the authority's, one that somebody made up, and the authority's for another host."""
    made = Path(tempfile.mkdtemp())
    signed(made, "ca")
    signed(made, "made-up", "-addext", "subjectAltName=IP:127.0.0.1")
    signed(made, "another", *by_authority(made, "other.example.com"))
    yield made
    shutil.rmtree(made)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home without certificates, and no variables of libpq's."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def parameters(mode: str, authority: Path | None) -> str:
    given = [f"sslmode={mode}"] if mode else []
    return "&".join([*given, *([f"sslrootcert={authority}"] if authority is not None else [])])


async def passwords_told(url: str, trick: Trick, folder: Path) -> list[str]:
    """What somebody who answers in the database's place has learned when a connection has been tried."""
    async with Imposter(trick, folder) as imposter:
        with suppress(*CONNECTION_ERRORS):
            await close(await connect(url.format(imposter.port), application_name="test"))
        return imposter.passwords


@pytest.mark.parametrize("with_authority", [False, True])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.half
async def test_attacker_on_the_way_gets_the_password_just_where_we_warn(
    folder: Path, mode: str, with_authority: bool
) -> None:
    authority = folder / "ca.crt" if with_authority else None
    tls = parameters(mode, authority)
    told = [
        await passwords_told(f"postgresql://me:{PASSWORD}@127.0.0.1:{{}}/lms?{tls}", trick, folder) for trick in Trick
    ]
    gets_it = any(told)
    assert gets_it == (mode != "verify-full" and (mode != "verify-ca" or with_authority))
    weak = await weakness(f"postgresql://me:{PASSWORD}@{ELSEWHERE}/lms?{tls}")
    assert (weak is not None) == gets_it
    if weak is not None:
        assert PASSWORD not in str(weak)


@pytest.mark.parametrize("mode", MODES[:-1])
async def test_the_line_that_is_told_mends_it(folder: Path, mode: str) -> None:
    weak = await weakness(f"postgresql://me:{PASSWORD}@{ELSEWHERE}/lms?{parameters(mode, folder / 'ca.crt')}")
    assert weak is not None
    line = re.fullmatch(r"LISTENER_DATABASE_URL='(postgresql://…@192\.0\.2\.1/lms\?.*)'", weak.mend)
    assert line is not None
    mended = line[1].replace("…", f"me:{PASSWORD}").replace(ELSEWHERE, "127.0.0.1:{}")
    for trick in Trick:
        assert await passwords_told(mended, trick, folder) == []
    assert await weakness(mended.replace("127.0.0.1:{}", ELSEWHERE)) is None


def also_elsewhere(database: Database) -> str:
    """The address of a database, with a password, and with another host that would be asked if it did not answer."""
    server, _, name = database.url.replace("postgres@", f"postgres:{PASSWORD}@").rpartition("/")
    return f"{server},{ELSEWHERE}/{name}"


def test_attacker_on_the_way_is_warned_of_once_a_start_in_the_log(
    database: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(database, database_url=also_elsewhere(database)).wait_ready("leading")
    terminate = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'listener' and datname = current_database()"
    )
    database.server.psql(database.name, terminate)
    wait_until(lambda: len(daemon.events("leader_acquired")) == 2, "it leads again")
    daemon.stop()
    (event,) = daemon.events("connection_unverified")
    assert event["level"] == "warning"
    assert event["hosts"] == [ELSEWHERE]
    assert event["sslmode"] == "prefer"
    assert event["mend"].endswith("?sslmode=verify-full&sslrootcert=/path/to/ca.pem'")
    assert PASSWORD not in daemon.text()


def test_nobody_is_warned_of_the_machine_s_own_database(
    database: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(database).wait_ready("leading")
    assert daemon.stop() == 0
    assert not daemon.events("connection_unverified")
    found = json.loads(listener(database.url, "diagnose", "--json", check=False).stdout)
    assert "connection_unverified" not in [each["code"] for each in found["advice"]]


def test_attacker_on_the_way_is_advised_against_by_diagnose_which_does_not_fail_for_that(database: Database) -> None:
    database.server.psql(database.name, "insert into courses (title) values ('a')")
    alone = listener(database.url, "diagnose", check=False)
    assert "connection_unverified" not in alone.stdout
    url = also_elsewhere(database)
    done = listener(url, "diagnose", check=False)
    assert done.returncode == alone.returncode
    mend = url.replace(f"postgres:{PASSWORD}@", "…@") + "?sslmode=verify-full&sslrootcert=/path/to/ca.pem"
    assert f"mend with: LISTENER_DATABASE_URL='{mend}'" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
    found = json.loads(listener(url, "diagnose", "--json", check=False).stdout)
    assert "connection_unverified" in [each["code"] for each in found["advice"]]
    assert "connection_unverified" not in [each["code"] for each in found["findings"]]
