"""What is told of a connection that cannot be had."""

import errno
import os
import socket

import asyncpg
import pytest

from listener.connection import connect, reason, told_to_anybody


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
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_the_reason_is_one_line_in_plain_words(error: Exception, told: str) -> None:
    assert reason(error) == told


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
