"""Two servers that may be treated badly, and what the tests of fleets share."""

from collections.abc import Iterator

import pytest

from tests.support.fleet import folder, make_school, start_fleet  # noqa: F401
from tests.support.postgres import Server


@pytest.fixture(scope="module")
def mistreated(postgres_version: int) -> Iterator[list[Server]]:
    """Two of them."""
    servers = [Server(postgres_version) for _ in range(2)]
    for server in servers:
        server.create()
        server.start()
    yield servers
    for server in servers:
        server.destroy()
