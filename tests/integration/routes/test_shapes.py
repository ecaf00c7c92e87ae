"""Queries of every shape are followed, or refused with the true reason: whatever is written into the tables that they
read, everybody is where the query wants them. The audit has no part in it.

Some of the shapes in each run; all of them, and for longer, with `--long`. `--seed SEED` does the same again.
"""

import random

import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import discover
from listener.errors import ListenerError, NotRouted
from listener.mapping.mapping import Mapping
from listener.schema import install
from tests.support.shapes import tables
from tests.support.shapes.following import handle, settings, wrong
from tests.support.shapes.queries import ACCEPTED, ALWAYS
from tests.support.shapes.refused import REFUSED

STEPS = 12
LONG_STEPS = 400
LOTS = 8

OTHERS = [name for name in ACCEPTED if name not in ALWAYS]


async def follow(app: Connection, name: str, seed: str, steps: int) -> None:
    """Write at random into what the query reads."""
    query, dice = ACCEPTED[name], tables.Dice(f"{name} {seed}")
    print(f"{name}: --seed {seed}")
    await app.execute(tables.TABLES + tables.ROWS)
    mapping = await discover(app, settings(query, name))
    await app.execute(install.script(mapping))
    read = [each.table.name for each in mapping.watched]
    done: list[str] = []
    for _ in range(steps):
        statements = dice.transaction(read)
        async with app.transaction():
            for each in statements:
                await app.execute(each)
        done += [*statements, "commit"]
        if dice.chance(0.5):  # notes are followed late, too
            await handle(app)
            assert await wrong(app, query) == (set(), set()), "\n".join([query, *done[-20:]])
            done.append("handled")


def chosen(config: pytest.Config) -> tuple[str, int]:
    """The seed, and how many transactions there are."""
    seed = config.getoption("--seed")
    steps = config.getoption("--histories") or (LONG_STEPS if config.getoption("--long") else STEPS)
    return str(random.randrange(10**6) if seed is None else seed), steps


@pytest.mark.parametrize("name", ALWAYS)
@pytest.mark.half
async def test_a_row_about_one_profile_that_decides_on_another_is_followed(
    empty_database: Connection, name: str, pytestconfig: pytest.Config
) -> None:
    await follow(empty_database, name, *chosen(pytestconfig))


@pytest.mark.parametrize("lot", range(LOTS))
@pytest.mark.half
async def test_a_query_of_any_shape_is_followed(
    empty_database: Connection, lot: int, pytestconfig: pytest.Config
) -> None:
    """One of each lot; all of them, one after the other, in the long form."""
    seed, steps = chosen(pytestconfig)
    names = OTHERS[lot::LOTS]
    is_long = steps > STEPS or pytestconfig.getoption("--seed") is not None
    for name in names if is_long else [random.Random(seed).choice(names)]:
        await follow(empty_database, name, seed, steps)
        await empty_database.execute(install.uninstallation())
        await empty_database.execute("drop schema public cascade; create schema public")


async def test_a_query_that_cannot_be_followed_is_refused_with_the_reason(empty_database: Connection) -> None:
    await empty_database.execute(tables.TABLES)
    for name, (query, words) in REFUSED.items():
        with pytest.raises(ListenerError) as caught:
            await discover(empty_database, settings(query))
        assert words in str(caught.value), name


OF_TWO_COLLATIONS = """
create collation any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create table profiles (id text primary key, name text);
create table courses (id bigint primary key);
create table enrollments (profile_id text references profiles, course_id bigint references courses, status text);
create table payments (profile_id text collate any_case, name text collate any_case);
create index on payments (profile_id);
create index on payments (name);
create index on profiles (name);
"""


@pytest.mark.parametrize("postgres_version", [15])
@pytest.mark.parametrize("joined", ["y.profile_id = p.id", "y.name = p.name"])
async def test_texts_that_differ_and_are_equal_lead_to_no_wrong_profile(
    empty_database: Connection, joined: str
) -> None:
    """Equal by the collation of one side, of which the other knows nothing."""
    if not await empty_database.fetchval("select exists (select from pg_collation where collprovider = 'i')"):
        pytest.skip("no collations of ICU")
    await empty_database.execute(OF_TWO_COLLATIONS)
    query = f"select p.id, c.id from profiles p inner join payments y on {joined} cross join courses c"
    with pytest.raises(NotRouted, match="a collation of the other side, by which texts that differ are equal"):
        await discover(empty_database, settings(query))


FILL = """
insert into profiles (id, email, org_id) select number, 'q' || number, number % 9 from generate_series(100, 3000) as
    number;
insert into payments (id, profile_id, plan, paid)
select number, number, 'gold', true from generate_series(100, 3000) as number;
insert into memberships (profile_id, organisation_id)
select number, number % 9 from generate_series(100, 3000) as number;
analyze
"""


async def test_what_is_accepted_and_how_it_is_followed_does_not_depend_on_what_is_in_the_tables(
    empty_database: Connection, pytestconfig: pytest.Config
) -> None:
    """All shapes on empty tables, and some on small and large ones, of which everything is known."""
    seed, _ = chosen(pytestconfig)
    print(f"--seed {seed}")
    app, dice = empty_database, random.Random(seed)

    async def planned(names: list[str]) -> dict[str, Mapping]:
        return {name: await discover(app, settings(ACCEPTED[name], name)) for name in names}

    await app.execute(tables.TABLES)
    on_empty_tables = await planned(list(ACCEPTED))
    for rows in (f"{tables.ROWS}; analyze", FILL):
        await app.execute(rows)
        names = dice.sample(list(ACCEPTED), 6)
        assert await planned(names) == {name: on_empty_tables[name] for name in names}
