"""Connections with the same authorities share what was read of them; with others, or after a file changed, they do
not."""

import ssl
from pathlib import Path

import pytest

from listener.transport import shared_context
from tests.support.certificates import needs_openssl, signed

pytestmark = needs_openssl

SOUTH = "postgresql://me:secret@south.example.com/lms"
NORTH = "postgresql://you@north.example.com:6432/other"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home without certificates, and two authorities in it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    signed(tmp_path, "ca")
    signed(tmp_path, "another")
    return tmp_path


def context(url: str, **parameters: object) -> ssl.SSLContext | None:
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    found = shared_context(f"{url}?{query}").get("ssl")
    assert found is None or isinstance(found, ssl.SSLContext)
    return found


def test_schools_with_the_same_authority_share_a_context(home: Path) -> None:
    one = context(SOUTH, sslmode="verify-full", sslrootcert=home / "ca.crt")
    assert one is not None
    assert one.check_hostname
    assert one.verify_mode is ssl.CERT_REQUIRED
    assert context(NORTH, application_name="x", sslrootcert=home / "ca.crt", sslmode="verify-full") is one


@pytest.mark.parametrize(
    "parameters",
    [
        {"sslmode": "verify-ca"},
        {"sslmode": "verify-full", "ssl_min_protocol_version": "TLSv1.3"},
        {"sslmode": "verify-full", "sslrootcert": "another.crt"},
        {"sslmode": "verify-full", "sslcert": "another.crt", "sslkey": "another.key"},
    ],
)
def test_what_differs_in_a_parameter_is_not_shared(home: Path, parameters: dict[str, str]) -> None:
    one = context(SOUTH, sslmode="verify-full", sslrootcert=home / "ca.crt")
    files = {name: home / value if value.startswith("another") else value for name, value in parameters.items()}
    other = context(SOUTH, **({"sslrootcert": home / "ca.crt"} | files))
    assert other is not None
    assert other is not one
    assert other.check_hostname == (parameters["sslmode"] == "verify-full")


@pytest.mark.parametrize("exchanged", ["ca.crt", ".postgresql/postgresql.crt"])
def test_a_file_that_was_exchanged_is_read(home: Path, exchanged: str) -> None:
    (home / ".postgresql").mkdir()
    one = context(SOUTH, sslmode="verify-full", sslrootcert=home / "ca.crt")
    assert one is not None
    (home / "another.crt").replace(home / exchanged)
    if exchanged != "ca.crt":
        (home / "another.key").replace(home / ".postgresql" / "postgresql.key")
    other = context(SOUTH, sslmode="verify-full", sslrootcert=home / "ca.crt")
    assert other is not None
    assert other is not one
    if exchanged == "ca.crt":
        assert other.get_ca_certs() != one.get_ca_certs()


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_a_mode_that_checks_nobody_is_left_to_the_driver(home: Path, mode: str) -> None:
    assert context(SOUTH, sslmode=mode, sslrootcert=home / "ca.crt") is None
    assert shared_context(SOUTH) == shared_context(None) == {}
