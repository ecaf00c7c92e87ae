"""Installs into the database of a test suite."""

from typing import Any

import anyio

from listener.database.silence import connected
from listener.discovery.discovery import given
from listener.schema import install as installing
from listener.settings import load


def install(url: str, *, take_over: bool = False, **settings: Any) -> None:
    """What `listener install` does, at this address, which is the owner's; `settings` are named as its flags are:
    `wanted_query=…`. Nothing if it is installed already. Raises what `installing.plan` raises."""
    anyio.run(_install, url, given(load({**settings, "database_url": url})), take_over)


async def _install(url: str, settings: dict[str, str], take_over: bool) -> None:
    async with connected(url, only_looks=False) as connection:
        plan = await installing.plan(connection, settings, take_over=take_over)
        await installing.install(connection, plan)
