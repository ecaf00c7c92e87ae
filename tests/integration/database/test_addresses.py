"""A host, or one of the addresses of its name, swallows packets: the next one is tried after a few seconds."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from listener.database import addresses
from listener.database.connection import close, connect
from tests.conftest import Database

SILENT = "127.0.0.2"

SECONDS = 4
"""An address has 1 s here; one that were waited for takes up all 30."""


@pytest.fixture
def silent(database: Database) -> Iterator[int]:
    """A port like the server's, at another address of this machine, where connections are taken and never answered."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((SILENT, database.server.port))
        except OSError:
            pytest.skip("this machine has no second address of its own")
        listening.listen()
        yield database.server.port


async def seconds_to_connect(url: str) -> float:
    """And whether the connection is good for all that the driver does."""
    started = time.monotonic()
    connection = await connect(url, application_name="test")
    try:
        with pytest.raises(TimeoutError):
            await connection.fetchval("select pg_sleep(5)", timeout=0.1)
        async with connection.transaction():
            assert await connection.fetchval("select true")
    finally:
        await close(connection)
    return time.monotonic() - started


async def test_a_host_that_is_silent_does_not_use_up_the_time_of_the_next(database: Database, silent: int) -> None:
    url = f"postgresql://postgres@{SILENT}:{silent},127.0.0.1:{silent}/{database.name}?connect_timeout=1"
    assert await seconds_to_connect(url) < SECONDS


async def test_an_address_of_a_name_that_is_silent_does_not_use_up_the_time_of_the_next(
    database: Database, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def both(_host: str, port: int) -> list[Any]:
        return [(SILENT, port), ("127.0.0.1", port)]

    monkeypatch.setattr(addresses, "look_up", both)
    url = f"postgresql://postgres@db.example:{silent}/{database.name}?connect_timeout=1"
    assert await seconds_to_connect(url) < SECONDS
