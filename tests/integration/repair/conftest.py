"""Schools that keep a history."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support import remembering


@pytest.fixture
async def school(empty: Database) -> AsyncIterator[Callable[..., Awaitable[Connection]]]:
    """Makes a school that keeps a history: `await school(3, "suspend")`."""
    made: list[Connection] = []

    async def make(paid: int, on_leave: str = "remove", **more: str) -> Connection:
        made.append(await remembering.school(empty.url, paid, on_leave, **more))
        return made[-1]

    yield make
    for each in made:
        each.terminate()
