"""What is told of a connection that cannot be had."""

import errno
import os
import socket

import asyncpg
import pytest

from listener.connection import connect, reason


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
