"""A rule that would move many is shown before it is installed: a person is asked, and a script says that it knows."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support import brake
from tests.support.brake import HELD, RULE, pay, steps
from tests.support.connecting import connect
from tests.support.dumping import dump
from tests.support.process import listener
from tests.support.terminal import in_terminal

OF_GO = f"{RULE} and payments.course_id = 2"
RULES = {"on_leave": "remove", "active_values": "active"}


@pytest.fixture
async def bare(empty: Database) -> AsyncIterator[Connection]:
    """A school in which 100 have paid for course 1, with nothing installed."""
    made: Connection = await connect(empty.url)
    await made.execute(brake.TABLES)
    await pay(made, 100)
    yield made
    made.terminate()


@pytest.fixture
async def app(empty: Database) -> AsyncIterator[Connection]:
    """The same, with the listener, which has enrolled them."""
    made = await brake.school(empty.url, 100)
    yield made
    made.terminate()


def installed(database: Database, *flags: str, **settings: str) -> str:
    """What a command says that is not refused."""
    return listener(database.url, "install", *flags, check=True, **RULES | settings).stdout


def plan(database: Database, rule: str, **settings: str) -> list[str]:
    """What `--plan` says below the table of what was found."""
    said = installed(database, "--plan", wanted_query=rule, **settings).splitlines()
    return said[next(number for number, line in enumerate(said) if line.startswith("plan ")) :]


def number_of(database: Database, rule: str) -> str:
    return plan(database, rule)[0].removeprefix("plan ").partition(":")[0]


def refused(database: Database, *flags: str, **settings: str) -> str:
    """The line; nothing may change."""
    before = dump(database)
    done = listener(database.url, "install", *flags, check=False, **RULES | settings)
    assert done.returncode == 2, done.stdout
    assert dump(database) == before
    assert done.stderr.count("\n") == 1
    return done.stderr


async def test_a_script_that_would_have_many_join_is_refused_until_it_says_yes(
    empty: Database, bare: Connection
) -> None:
    said = await asyncio.to_thread(refused, empty, wanted_query=RULE)
    assert "nothing is changed: under this rule 100 join, and the brake (LISTENER_BRAKE) allows 20 " in said
    assert "`--yes`" in said
    await asyncio.to_thread(installed, empty, "--yes", wanted_query=RULE)
    await bare.fetch("select * from listener.make_good_students()")
    await steps(bare)
    assert await bare.fetchval("select count(*) from enrollments") == 100


async def test_one_that_would_have_many_leave_is_refused_too_and_few_need_no_yes(
    empty: Database, app: Connection
) -> None:
    said = await asyncio.to_thread(refused, empty, wanted_query=OF_GO)
    assert "under this rule 100 leave (removed), " in said
    few = f"{RULE} and payments.profile_id > 20"
    await asyncio.to_thread(installed, empty, wanted_query=few)
    # A brake of one's own, or none, is heeded.
    await asyncio.to_thread(refused, empty, wanted_query=few.replace("20", "16"), brake="15")
    await asyncio.to_thread(installed, empty, wanted_query=OF_GO, brake="none")


async def test_the_plan_s_number_stands_for_rule_and_numbers(empty: Database, app: Connection) -> None:
    number = await asyncio.to_thread(number_of, empty, OF_GO)
    assert number == await asyncio.to_thread(number_of, empty, OF_GO)
    said = await asyncio.to_thread(refused, empty, "--reviewed", number, wanted_query=f"{OF_GO} and true")
    assert f"not those of plan {number}, this is plan " in said
    await pay(app, 1, 2)
    said = await asyncio.to_thread(refused, empty, "--reviewed", number, wanted_query=OF_GO)
    other = await asyncio.to_thread(number_of, empty, OF_GO)
    assert other != number
    assert f"this is plan {other}" in said
    await asyncio.to_thread(installed, empty, "--reviewed", other, wanted_query=OF_GO)


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
@pytest.mark.half
async def test_a_person_is_shown_the_plan_and_asked(empty: Database, app: Connection, answer: str, status: int) -> None:
    before = await app.fetchval("select mapping ->> 'wanted_query' from listener.installation")
    shown = await asyncio.to_thread(
        in_terminal,
        empty.url,
        *("install", "--wanted-query", OF_GO),
        columns=200,
        until="Install it?",
        answer=answer,
    )
    assert shown.status == status
    assert "course 1 ('Chess'): 100 would leave (removed): 1, 2, 3, 4, 5, …" in shown.text
    assert "the brake allows 20 within ten minutes" in shown.text
    after = await app.fetchval("select mapping ->> 'wanted_query' from listener.installation")
    assert (after != before) is (status == 0)


async def test_a_looser_brake_is_reviewed_for_what_it_would_let_go(empty: Database, app: Connection) -> None:
    await app.execute("update payments set paid = false")
    await steps(app)
    assert await app.fetchval(HELD) == 100
    said = await asyncio.to_thread(refused, empty, brake="99")
    assert "100 leave (removed), " in said
    assert "allows 99 " in said


async def test_the_plan_says_whom_the_rule_matches_and_which_counts_would_be_corrected(
    empty: Database, bare: Connection
) -> None:
    await bare.execute(
        "insert into enrollments (profile_id, course_id) values (1, 2); update courses set enrollments = 7"
    )
    off = [
        "2 counts would be corrected:",
        "course 1 ('Chess'): enrollments says 7, should be 0 (-7)",
        "course 2 ('Go'): enrollments says 7, should be 1 (-6)",
    ]
    assert (await asyncio.to_thread(plan, empty, RULE))[1:6] == [
        "the rule wants everybody: 100 of 100 profiles",
        *off,
        "who would join, leave, come back: 100 join",
    ]
    said = await asyncio.to_thread(plan, empty, OF_GO)
    assert said[1] == "the rule wants nobody: 0 of 100 profiles"
    few = f"{RULE} and payments.profile_id < 5"
    assert (await asyncio.to_thread(plan, empty, few))[1:4] == off
    await asyncio.to_thread(installed, empty, wanted_query=few)
    # Under what is installed the feed is heeded: here what nobody noted is off.
    assert (await asyncio.to_thread(plan, empty, few))[1:4] == off


async def test_a_rule_that_fails_for_somebody_is_installed_as_ever(empty: Database, bare: Connection) -> None:
    fails = f"{RULE} and 1 / (payments.profile_id - 7) <> 3"
    said = await asyncio.to_thread(installed, empty, wanted_query=fails)
    assert "cannot be foretold, for it fails for somebody" in said
