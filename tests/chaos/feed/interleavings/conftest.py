"""Servers of these tests' own: a snapshot lists the transactions of all databases, and here nobody else has any."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.conftest import skip_if_missing
from tests.support.interleavings import ground

if TYPE_CHECKING:
    from tests.support.postgres import Server


class Schools:
    """Those of one version, each made when it is first asked for."""

    def __init__(self, version: int) -> None:
        self.server: Server = ground.start(version)
        self._made: dict[str, str] = {}

    def database(self, school: str) -> str:
        if school not in self._made:
            self._made[school] = ground.make(self.server, school)
        return self._made[school]


@pytest.fixture(scope="session")
def schools() -> Iterator[Callable[[int], Schools]]:
    """The schools of a version."""
    started: dict[int, Schools] = {}

    def get(version: int) -> Schools:
        skip_if_missing(version)
        if version not in started:
            started[version] = Schools(version)
        return started[version]

    yield get
    for each in started.values():
        each.server.destroy()
