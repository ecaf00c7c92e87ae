"""Queries that nobody thought of are followed: a few in each run, many with `--long`. `--seed SEED` makes one again."""

import random

import asyncpg
import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import discover
from listener.errors import NotRouted
from listener.mapping.mapping import Mapping
from listener.schema import install
from tests.support.shapes import tables
from tests.support.shapes.following import handle, settings, wrong
from tests.support.shapes.random_queries import Maker

QUERIES, LONG_QUERIES = 2, 1000
TRANSACTIONS = 10


async def planned(app: Connection, query: str) -> Mapping:
    """What leads nowhere concerns everyone."""
    everyone: list[str] = []
    while True:
        try:
            more = {"wanted_plan": "any", **({"watch": "; ".join(everyone)} if everyone else {})}
            return await discover(app, settings(query) | more)
        except NotRouted as error:
            named = str(error.details["setting"]).partition("=")[2].partition("(")[0]
            assert f"{named}(everyone)" not in everyone
            everyone.append(f"{named}(everyone)")


@pytest.mark.timeout(0)
async def test_a_query_of_no_shape_that_anybody_thought_of_is_followed(
    empty_database: Connection, pytestconfig: pytest.Config
) -> None:
    app, given = empty_database, pytestconfig.getoption("--seed")
    count = pytestconfig.getoption("--histories") or (LONG_QUERIES if pytestconfig.getoption("--long") else QUERIES)
    drawn = [random.randrange(10**6) for _ in range(count)] if given is None else [given]
    for seed in drawn:
        query = Maker(f"{seed}").query()
        print(f"--seed {seed}\n{query}")
        await app.execute("drop schema public cascade; create schema public")
        await app.execute(tables.TABLES + tables.ROWS)
        try:
            await app.fetch(f"select from ({query}) as q")
        except (asyncpg.UndefinedFunctionError, asyncpg.FeatureNotSupportedError):  # a FULL JOIN by OR, for instance
            continue
        mapping = await planned(app, query)
        await app.execute(install.script(mapping))
        dice, done = tables.Dice(f"{seed}"), list[str]()
        for _ in range(TRANSACTIONS):
            statements = dice.transaction([each.table.name for each in mapping.watched])
            async with app.transaction():
                for each in statements:
                    await app.execute(each)
            done += statements
            if dice.chance(0.5):
                await handle(app)
                assert await wrong(app, query) == (set(), set()), "\n".join([query, *done[-10:]])
                done.append("handled")
        await app.execute(install.uninstallation())
