"""What is told of a connection that cannot be had."""

import errno
import os
import socket
import ssl
from typing import cast

import asyncpg
import pytest

from listener.database.connection import connect
from listener.database.session import Session
from listener.errors import NotInstalled, WrongSetting
from listener.reasons import reason, told_to_anybody


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            socket.gaierror(-2, "Name or service not known"),
            "the host's name cannot be looked up: Name or service not known",
        ),
        (OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)), "Connection refused"),
        (
            asyncpg.exceptions.TargetServerAttributeNotMatched("None of the hosts match"),
            "no host takes writes: it is a standby, or the database is set read-only",
        ),
        (asyncpg.InternalServerError("first\nsecond"), "first"),
        (TimeoutError(), "no answer came in time"),
    ],
)
def test_the_reason_is_one_line_in_plain_words(error: Exception, told: str) -> None:
    assert reason(error) == told


FAILED = "the connection failed ({}); the log says how"
REFUSED = "the server refused the connection ({}); the log says why"


def refused(state: str, message: str) -> asyncpg.PostgresError:
    """An error with which a server refuses a connection."""
    error: asyncpg.PostgresError = asyncpg.PostgresError.new({"S": "FATAL", "V": "FATAL", "C": state, "M": message})
    return error


def test_the_reason_has_neither_detail_nor_hint_nor_what_steers_a_terminal() -> None:
    fields = {
        "S": "ERROR",
        "C": "23502",
        "M": "null value\x1b[2J" + "x" * 5_000_000,
        "D": "Failing row contains (secret)",
        "H": "secret",
    }
    told = reason(asyncpg.PostgresError.new(fields))
    assert told.startswith("null value [2Jxxx")
    assert len(told.encode()) <= 1_000
    assert "secret" not in told


def of_the_server(severity: str) -> asyncpg.PostgresError:
    """An error as it comes from a server."""
    fields = {"S": severity, "V": severity, "C": "57P01", "M": "about student 17"}
    error: asyncpg.PostgresError = asyncpg.PostgresError.new(fields)
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (of_the_server("ERROR"), "a statement failed (AdminShutdownError); the log says how"),
        (of_the_server("FATAL"), "about student 17"),
        (
            asyncpg.exceptions.DataError("invalid input for query argument $1: 17"),
            "a statement failed (DataError); the log says how",
        ),
        (OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)), "Connection refused"),
        (OSError(errno.ECONNREFUSED, "Connect call failed ('10.0.0.7', 5432)"), "Connection refused"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed ('10.0.0.7', 5432)"), FAILED.format("OSError")),
        (
            ssl.SSLCertVerificationError("certificate is not valid for 'db.example'"),
            FAILED.format("SSLCertVerificationError"),
        ),
        (asyncpg.InterfaceError("the address cannot be used: db.example"), FAILED.format("InterfaceError")),
        (refused("28P01", 'password authentication failed for user "x"'), REFUSED.format("InvalidPasswordError")),
        (
            refused("28000", 'role "x" is not permitted to log in'),
            REFUSED.format("InvalidAuthorizationSpecificationError"),
        ),
        (refused("3D000", 'database "x" does not exist'), REFUSED.format("InvalidCatalogNameError")),
        (refused("53300", 'too many connections for role "x"'), REFUSED.format("TooManyConnectionsError")),
        (refused("08P01", "no such user: x"), REFUSED.format("ProtocolViolationError")),
        (
            WrongSetting(name="LISTENER_DATABASE_URL_FILE", problem="/x is blank"),
            "LISTENER_DATABASE_URL_FILE cannot be used; the log says why",
        ),
        (NotInstalled(database="x"), "schema `listener` is not installed: run `listener install` first"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_anybody_is_told_only_what_the_server_says_of_itself(error: Exception, told: str) -> None:
    assert told_to_anybody(error) == told


@pytest.mark.parametrize(
    ("url", "port"), [(None, "none"), (f"postgresql://{'a' * 70}.invalid/lms", ""), ("postgresql://a..b/lms", "")]
)
async def test_an_address_that_cannot_be_is_an_error_of_the_connection(
    monkeypatch: pytest.MonkeyPatch, url: str | None, port: str
) -> None:
    if port:
        monkeypatch.setenv("PGHOST", "127.0.0.1")
        monkeypatch.setenv("PGPORT", port)
    with pytest.raises(asyncpg.InterfaceError, match=r"^the address cannot be used: "):
        await connect(url, application_name="listener")


async def test_a_port_that_cannot_be_is_told_like_any_address_that_cannot_be_used() -> None:
    with pytest.raises(asyncpg.InterfaceError, match=r"the address cannot be used: .*port must be 0-65535$"):
        await connect("postgresql://127.0.0.1:99999/lms", application_name="test")


def test_no_statement_goes_past_the_fence_by_a_cursor() -> None:
    with pytest.raises(NotImplementedError, match="fetch"):
        Session.cursor(cast("Session", None), "select 1")
