"""Which addresses lead to this machine, or to a host that must prove who it is; and the line that mends the others."""

import re
from pathlib import Path

import pytest

from listener.errors import WrongSetting
from listener.settings import load
from listener.transport import system_authorities, weakness, with_system_authorities

AUTHORITIES = system_authorities()
needs_authorities = pytest.mark.skipif(AUTHORITIES is None, reason="this machine has no file of authorities")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("PGHOST", "PGSSLMODE", "PGSSLROOTCERT", "PGSERVICE", "PGPORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "address",
    [
        "postgresql:///lms",
        "postgresql:///lms?host=/run/postgresql",
        "postgresql://%2Frun%2Fpostgresql/lms",
        "postgresql://localhost/lms",
        "postgresql://LocalHost./lms?sslmode=disable",
        "postgresql://127.0.0.1:5432,127.9.9.9,[::1]:1/lms?sslmode=require",
        "postgresql://[::ffff:127.0.0.1]/lms",
        "postgresql://0.0.0.0/lms",
        "postgresql://127.1/lms",
        "postgresql:///lms?host=/tmp,localhost",
    ],
)
async def test_an_address_of_this_machine_s_own_needs_no_certificate(address: str) -> None:
    assert await weakness(address) is None


@pytest.mark.parametrize(
    ("address", "hosts"),
    [
        ("postgresql://192.0.2.1/lms", ["192.0.2.1"]),
        ("postgresql://[2001:db8::1]:5432/lms", ["2001:db8::1"]),
        ("postgresql://[::ffff:192.0.2.1]/lms", ["::ffff:192.0.2.1"]),
        ("postgresql:///lms?host=localhost,192.0.2.1,/run/postgresql,192.0.2.2", ["192.0.2.1", "192.0.2.2"]),
        ("postgresql:///lms?host=192.0.2.1", ["192.0.2.1"]),
        ("postgresql://localhost.invalid/lms", ["localhost.invalid"]),
        (f"postgresql://{'a' * 70}.invalid/lms", [f"{'a' * 70}.invalid"]),
        ("postgresql://a..b/lms", ["a..b"]),
        # What libpq would take from `hostaddr`, the driver takes from the host.
        ("postgresql://192.0.2.1/lms?hostaddr=127.0.0.1", ["192.0.2.1"]),
    ],
)
async def test_hosts_elsewhere_are_named(address: str, hosts: list[str]) -> None:
    weak = await weakness(address)
    assert weak is not None
    assert list(weak.hosts) == hosts


async def test_libpq_s_variables_and_files_count_as_the_driver_reads_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PGHOST", "192.0.2.1")
    weak = await weakness(None)
    assert weak is not None
    assert (weak.sslmode, weak.mend) == ("prefer", "PGSSLMODE=verify-full PGSSLROOTCERT=/path/to/ca.pem")
    monkeypatch.setenv("PGSSLMODE", "disable")
    weak = await weakness("postgresql://192.0.2.1/lms")
    assert weak is not None
    assert weak.sslmode == "disable"
    services = tmp_path / "services"
    services.write_text("[lms]\nhost=192.0.2.7\nsslmode=require\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    weak = await weakness("postgresql://?service=lms")
    assert weak is not None
    assert (weak.hosts, weak.sslmode) == (("192.0.2.7",), "require")
    assert weak.mend.startswith("LISTENER_DATABASE_URL='postgresql://?service=lms&sslmode=verify-full&sslrootcert=")


@needs_authorities
async def test_an_authority_at_its_usual_place_is_one(tmp_path: Path) -> None:
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").symlink_to(str(AUTHORITIES))
    weak = await weakness("postgresql://me:hush@192.0.2.1/lms?sslmode=require")
    assert weak is not None
    assert (weak.sslmode, weak.mend) == (
        "verify-ca",
        "LISTENER_DATABASE_URL='postgresql://…@192.0.2.1/lms?sslmode=verify-full'",
    )
    assert await weakness("postgresql://me:hush@192.0.2.1/lms?sslmode=verify-full") is None


@pytest.mark.parametrize(
    ("host", "authority"),
    [
        ("db.abcdefghijklmnopqrst.supabase.co", "prod-ca-2021.crt"),
        ("aws-1-eu-central-1.pooler.supabase.com", "prod-ca-2021.crt"),
        ("lms.abc.eu-central-1.rds.amazonaws.com", "global-bundle.pem"),
        ("db.example.invalid", "system"),
        ("postgres", "/path/to/ca.pem"),
        ("192.0.2.1", "/path/to/ca.pem"),
    ],
)
async def test_the_line_names_the_authority_that_vouches_for_such_a_host(
    monkeypatch: pytest.MonkeyPatch, host: str, authority: str
) -> None:
    monkeypatch.setattr("listener.transport.LOOKUP_SECONDS", 0.0)
    weak = await weakness(f"postgresql://me:hush@{host}/lms?sslmode=require&password=hush&options=hush")
    assert weak is not None
    assert weak.mend == (
        f"LISTENER_DATABASE_URL='postgresql://…@{host}/lms?password=…&options=…&sslmode=verify-full&sslrootcert={authority}'"
    )


@needs_authorities
@pytest.mark.parametrize(
    ("address", "variables", "understood"),
    [
        ("postgresql://h/lms?sslmode=verify-full&sslrootcert=system", {}, "postgresql://h/lms?{}"),
        ("postgresql://h/lms?sslrootcert=system&user=me", {}, "postgresql://h/lms?user=me&{}"),
        ("postgresql://h/lms", {"PGSSLROOTCERT": "system"}, "postgresql://h/lms?{}"),
        (None, {"PGSSLROOTCERT": "system", "PGSSLMODE": "verify-full"}, "postgresql://?{}"),
    ],
)
async def test_the_system_s_authorities_are_found_for_the_driver(
    monkeypatch: pytest.MonkeyPatch, address: str | None, variables: dict[str, str], understood: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    tls = f"sslmode=verify-full&sslrootcert={AUTHORITIES}"
    assert with_system_authorities(address) == understood.format(tls)
    assert load({"database_url": address}).url() == address
    if address is not None:
        assert await weakness(address.replace("//h/", "//192.0.2.1/")) is None


@pytest.mark.parametrize(
    ("address", "variables"),
    [
        ("postgresql://h/lms?sslmode=disable&sslrootcert=/nowhere", {"PGSSLROOTCERT": "system"}),
        ("postgresql://h/lms?sslmode=prefer", {"PGSSLROOTCERT": "system"}),
        (None, {"PGSSLROOTCERT": "system", "PGSSLMODE": "disable"}),
    ],
)
def test_authorities_that_are_not_asked_are_not_looked_for(
    monkeypatch: pytest.MonkeyPatch, address: str | None, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert with_system_authorities(address) == address


@pytest.mark.parametrize(
    ("address", "variables", "name"),
    [
        ("postgresql://me:hush@h/lms?sslmode=require&sslrootcert=system", {}, "LISTENER_DATABASE_URL"),
        ("postgresql://me:hush@h/lms?sslmode=prefer&sslrootcert=system", {}, "LISTENER_DATABASE_URL"),
        ("postgresql://me:hush@h/lms?sslmode=verify-ca", {"PGSSLROOTCERT": "system"}, "PGSSLROOTCERT"),
        (None, {"PGSSLMODE": "require", "PGSSLROOTCERT": "system"}, "PGSSLROOTCERT"),
    ],
)
def test_every_public_authority_without_a_look_at_the_host_s_name_is_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, address: str | None, variables: dict[str, str], name: str
) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    words = re.escape(f"{name}: sslrootcert=system goes with sslmode=verify-full alone")
    with pytest.raises(WrongSetting, match=words) as raised:
        load({"database_url": address}).url()
    assert "hush" not in str(raised.value)


def test_a_machine_without_authorities_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("listener.database_url.system_authorities", lambda: None)
    with pytest.raises(WrongSetting, match="install ca-certificates, or name a file"):
        load({"database_url": "postgresql://h/lms?sslrootcert=system"}).url()
