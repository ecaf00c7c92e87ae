"""Installs into the database of a test suite."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import anyio

from listener.database.silence import connected
from listener.discovery.discovery import given
from listener.errors import InstalledMeanwhile
from listener.schema import install as installing
from listener.settings import PREFIX, check_names, load


def install(url: str, *, take_over: bool = False, **settings: Any) -> None:
    """What `listener install` does, at this address, which is the owner's; `settings` are named as its flags are:
    `wanted_query=…`. Nothing if it is installed already. Raises UnknownSetting, WrongSetting, and what
    `installing.plan` raises."""
    check_names(f"{PREFIX}{name.upper()}" for name in settings)
    wanted = given(load({**settings, "database_url": url}))
    with ThreadPoolExecutor(1) as pool:  # a loop may run in this thread
        pool.submit(anyio.run, _install, url, wanted, take_over).result()


async def _install(url: str, settings: dict[str, str], take_over: bool) -> None:
    async with connected(url, only_looks=False) as connection:
        for _ in range(2):
            plan = await installing.plan(connection, settings, take_over=take_over)
            with suppress(InstalledMeanwhile):  # by another process of the same suite
                await installing.install(connection, plan)
                return
