"""With a large backlog, many who were set aside and much in quarantine, a statement looks once at what it must look at:
four times as much of everything is four times the rows and pages, not sixteen; and a batch does not notice. However
little memory a statement may have, and whatever was known of the tables when it was planned. Counted, not timed.
"""

import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from listener import sql
from tests.support.backlog.databases import LONG_SMALL, Large, filled
from tests.support.backlog.statements import NAMES, daemon
from tests.support.plans import Explained
from tests.support.postgres import Server


def pages(explained: Explained) -> int:
    """That were read or written, in tables and in temporary files."""
    kinds = ("Shared Hit", "Shared Read", "Temp Read", "Temp Written")
    return sum(plan.get(f"{kind} Blocks", 0) for plan in explained.plans for kind in kinds)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["analyzed", "unknown"])
async def large(
    request: pytest.FixtureRequest, servers: Callable[[int], Server], postgres_version: int
) -> AsyncIterator[Large]:
    """Statements are planned when they are run."""
    async with filled(servers(postgres_version), request.param, long=request.config.getoption("--long")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def planned(
    request: pytest.FixtureRequest, servers: Callable[[int], Server], postgres_version: int
) -> AsyncIterator[Large]:
    """The daemon's statements were planned while the tables were empty."""
    async with filled(servers(postgres_version), "empty", long=request.config.getoption("--long")) as made:
        yield made


async def hold(large: Large, name: str) -> None:
    """A case costs no more than four times as much where there is four times as much."""
    for memory in large.memory:
        started = time.perf_counter()
        small, big = [await large.run(database, memory, name) for database in large.databases]
        if large.rows == LONG_SMALL:
            seconds = time.perf_counter() - started
            print(f"{name}, {memory}: {big.visited:,} rows, {pages(big):,} pages; both sizes in {seconds:.2f} s")
        if large.cases[name].bounded:
            assert big.visited <= 1.2 * small.visited + 500
            assert pages(big) <= 1.5 * pages(small) + 100
        else:
            # Of four times as much a plan may sort what another one reads in order, and what fitted into memory may not
            # any more. What compares each with each is sixteen times as much.
            assert big.visited <= 6 * small.visited + 500
            assert pages(big) <= 6 * pages(small) + 2 * large.rows


@pytest.mark.timeout(3600)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", NAMES)
async def test_four_times_as_much_costs_no_more_than_four_times_as_much(large: Large, name: str) -> None:
    await hold(large, name)


@pytest.mark.timeout(3600)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", daemon())
async def test_what_was_planned_on_empty_tables_costs_no_more_either(planned: Large, name: str) -> None:
    await hold(planned, name)


ELSEWHERE = {
    *("daemon", "few_rows", "whole_tables", "by_query"),  # settings
    *(
        "depose",
        "lock_holder",
        "record_cluster",
        "comes_and_goes",
        "follow",
        "problems",
        "in_the_way",
        "writers_in_line",
    ),  # small, or few
    *("pause", "resume", "in_hand", "installed", "moment_of_time", "moment_ago", "replay_lock"),  # as small
    # Of one profile, by key; of the feed they read what waits, once (`test_explain.py` looks at their cost):
    *(file.stem for file in (sql.folder() / "monitor").glob("explained_*.sql")),
    # Where a query says who should be where (`wanted/test_cost.py`):
    *("students_wanted", "statistics_wanted"),
    # Parts of others:
    *("batch_and_checkpoint", "ring_ourselves", "count_each", "count_together", "enroll_each", "enroll_together"),
    *("orphans", "not_tried"),
    *("astray", "astray_orphans", "astray_duplicates", "quarantine", "among", "among_profiles"),
    *("is_astray", "is_astray_and_chosen"),
}


def test_every_statement_is_among_them() -> None:
    rooms = ("session", "feed", "reactions", "monitor", "repair", "daemon")
    files = {file.stem for room in rooms for file in (sql.folder() / room).rglob("*.sql")}
    files |= {file.stem for file in (sql.folder() / "adapter").glob("*.sql")}  # below: what is installed
    measured = {name.removesuffix("_together").removesuffix("_each") for name in NAMES}
    assert files - measured == ELSEWHERE
