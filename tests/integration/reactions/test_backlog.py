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
@pytest.mark.quarter
async def test_four_times_as_much_costs_no_more_than_four_times_as_much(large: Large, name: str) -> None:
    await hold(large, name)


@pytest.mark.timeout(3600)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", daemon())
@pytest.mark.half
async def test_what_was_planned_on_empty_tables_costs_no_more_either(planned: Large, name: str) -> None:
    await hold(planned, name)


ELSEWHERE = {
    *(f"settings.{name}" for name in ("daemon", "few_rows", "first", "vanished", "whole_tables")),
    *(f"fence.{name}" for name in ("asks", "as_member", "as_superuser")),  # around what somebody else asks
    *(f"leadership.{name}" for name in ("depose", "holder", "squatters")),  # of locks and sessions
    *("problems.tell", "holders"),  # of what is told; of a few courses, by key
    *(
        "doorbell.strangers",
        "doorbell.writers_in_line",
        "in_the_way",
        "at_work",
        "table_held",
        "status.comes_and_goes",
    ),  # too
    *("pausing.in_hand", "pausing.paused", "registry.names", "registry.texts"),  # small, or few
    *("replaying.moment_of_time", "replaying.moment_ago", "replaying.lock"),  # as small
    *("exposed_tables", "fence.standing", "fence.types"),  # of the catalogue, by name
    # Of one profile, by key; of the feed they read what waits, once (`test_explain.py` looks at their cost):
    *(f"profile_look.{name}" for name in sql.sections("inspection/profile_look")),
    *(f"settled.{name}" for name in sql.sections("inspection/settled")),
    *(
        f"history.{name}" for name in sql.sections("inspection/history")
    ),  # of a history, which these schools keep none of:
    *(f"undoing.{name}" for name in sql.sections("repair/undoing")),  # too (`test_history.py` looks at their cost)
    "matching",  # stops after some time
    *(f"school.{name}" for name in sql.sections("inspection/school")),  # too
    *(f"rule_failure.{name}" for name in sql.sections("inspection/rule_failure")),  # too
    # Parts of others:
    *(
        "batch",
        "fresh_batch",
        "weighed_notes",
        "next_notes",
        "notes_after",
        "not_ahead",
        "doorbell.ring",
        "doorbell.look",
        "findings.orphans",
        "heartbeat",
        "problems.seen",
        "put_off.noted",
        "put_off.waiting",
        "sample",
    ),
    *(f"preview.{name}" for name in sql.sections("inspection/preview")),
    # `rows_…` and `quarantine_…` of each kind:
    *(f"restructure.{name}" for name in sql.sections("repair/restructure")),
}


def statements(room: str) -> set[str]:
    """The names of a room's files, and of sections where a file has some."""
    names = set()
    for file in (sql.folder() / room).glob("*.sql"):
        sections = sql.sections(f"{room}/{file.stem}")
        names |= {f"{file.stem}.{each}" for each in sections} or {file.stem}
    return names


def test_every_statement_is_among_them() -> None:
    files = set().union(
        *map(statements, ("database", "feed", "reactions", "instruments", "inspection", "repair", "daemon"))
    )
    measured = {name.removesuffix("_together").removesuffix("_each") for name in NAMES}
    assert files - measured == ELSEWHERE
