"""`listener explain PROFILE` under a query of who should be where: a verdict for each course, and one in all."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from listener.database.connection import Connection
from listener.feed.registry import ENROLL
from listener.reactions.reaction import SHOWN, BuiltIn
from tests.conftest import Database
from tests.support.campus import SUSPEND, course, rule, school
from tests.support.explaining import ask, person, read, unnoted, verdict

MakeDatabase = Callable[..., Database]


@pytest.fixture
def plain(make_database: MakeDatabase) -> Database:
    return make_database(installed=False)


@pytest.fixture
async def suspending(plain: Database) -> AsyncIterator[Connection]:
    """A school that suspends who leaves, with a course of plan gold."""
    async with school(plain, **SUSPEND) as connection:
        await course(connection, "gold")
        await handle(connection)
        yield connection


async def handle(connection: Connection) -> None:
    """What the daemon does about the feed."""
    await connection.execute("delete from listener.blind_note")
    reaction = BuiltIn(ENROLL)
    while await reaction.together.react(connection, reaction.size.size, SHOWN):
        pass
    assert await connection.fetchval("select count(*) from listener.unhandled('enroll')") == 0


async def pays(connection: Connection, profile: str) -> None:
    await connection.execute("insert into payments (profile_id, plan) values ($1, 'gold')", profile)


def stands(answer: dict[str, Any]) -> list[tuple[bool, str, str | None]]:
    """Whether it is wanted, how it stands, and what is to be done, course by course."""
    return [(each["wanted"], each["standing"], each["should_be"]) for each in answer["courses"]]


async def test_from_noted_to_enrolled_to_taken_back_and_back_again(plain: Database, suspending: Connection) -> None:
    student = await person(suspending, "guest")
    await pays(suspending, student)
    answer = ask(plain.url, student)
    assert (answer["verdict"], answer["reason"], stands(answer)) == ("on_its_way", None, [(True, "to_do", "enrolled")])
    assert answer["notes"]["waiting"] == 2, "the profile, and what it paid"
    await handle(suspending)
    answer = ask(plain.url, student)
    assert (answer["verdict"], answer["complete"]) == ("enrolled", True)
    assert (answer["says"], stands(answer)) == ("enrolled where it should be", [(True, "enrolled", None)])
    assert answer["courses"][0]["made"]["made_at"] is not None
    assert "should be there, and is; active; made by the listener at" in read(plain.url, student)
    await suspending.execute("delete from payments")
    answer = ask(plain.url, student)
    assert (answer["verdict"], stands(answer)) == ("on_its_way", [(False, "to_do", "suspended")])
    await handle(suspending)
    answer = ask(plain.url, student)
    assert (answer["verdict"], stands(answer)) == ("not_wanted", [(False, "taken_back", None)])
    assert answer["courses"][0]["made"]["taken_back_at"] is not None
    assert "was taken back; inactive; made by the listener at" in read(plain.url, student)
    await pays(suspending, student)
    answer = ask(plain.url, student)
    assert (answer["verdict"], stands(answer)) == ("on_its_way", [(True, "to_do", "returned")])
    await handle(suspending)
    assert verdict(plain.url, student) == ("enrolled", None)


async def test_who_should_be_nowhere_and_is_nowhere(plain: Database, suspending: Connection) -> None:
    nobody = await person(suspending, "guest")
    answer = ask(plain.url, nobody)
    assert (answer["verdict"], answer["courses"], answer["is_student"]) == ("not_wanted", [], False)
    assert read(plain.url, nobody).startswith("should be nowhere: the query of LISTENER_WANTED_QUERY has no course")


async def test_what_people_did_by_hand_is_left_alone_and_said(plain: Database, suspending: Connection) -> None:
    removed, completed, guest = [await person(suspending, "guest") for _ in range(3)]
    for each in (removed, completed):
        await pays(suspending, each)
    await handle(suspending)
    await suspending.execute("delete from enrollments where user_id = $1", removed)
    await suspending.execute("update enrollments set status = 'completed' where user_id = $1", completed)
    await suspending.execute("insert into enrollments (user_id, course_id) select $1, id from courses", guest)
    answer = ask(plain.url, removed)
    assert (answer["verdict"], stands(answer)) == ("left_by_hand", [(True, "left_by_hand", None)])
    answer = ask(plain.url, completed)
    assert (answer["verdict"], stands(answer)) == ("enrolled", [(True, "not_active", None)])
    assert answer["says"] == "enrolled where it should be, in 1 not active, which is left alone"
    answer = ask(plain.url, guest)
    assert (answer["verdict"], stands(answer)) == ("not_wanted", [(False, "kept", None)])
    assert "made by somebody else, or before the listener kept account" in read(plain.url, guest)


async def test_who_was_removed_from_one_course_by_hand_is_enrolled_but_for_that(
    plain: Database, suspending: Connection
) -> None:
    other = await course(suspending, "gold")
    student = await person(suspending, "guest")
    await pays(suspending, student)
    await handle(suspending)
    await suspending.execute("delete from enrollments where course_id = $1", other)
    answer = ask(plain.url, student)
    assert answer["verdict"] == "enrolled"
    assert answer["says"] == "enrolled where it should be, but for 1 that was removed by hand"


async def test_who_was_refused_waits_and_the_error_is_told(plain: Database, suspending: Connection) -> None:
    student = await unnoted(suspending, "guest")
    await suspending.execute("alter table enrollments add constraint never check (false)")
    await pays(suspending, student)
    await suspending.execute("delete from listener.blind_note")
    await BuiltIn(ENROLL).each.react(suspending, 100, SHOWN)
    answer = ask(plain.url, student)
    assert (answer["verdict"], answer["reason"]) == ("waits", "failed")
    (pending,) = answer["pending"]
    assert "never" in pending["error"]
    assert pending["next_attempt_at"] is not None
    text = read(plain.url, student)
    assert text.startswith("waits: it was refused; tried again at")
    assert 'violates check constraint "never"' in text
    await suspending.execute("insert into listener.pause (consumer) values ('enroll')")
    assert verdict(plain.url, student) == ("waits", "paused")


async def test_a_change_that_may_concern_it_or_concerns_everyone_is_told(
    plain: Database, suspending: Connection
) -> None:
    await suspending.execute("insert into organisations values (1, 'none')")
    student = await person(suspending, "guest")
    await suspending.execute("update profiles set organisation_id = 1")
    await handle(suspending)
    await suspending.execute("update organisations set plan = 'gold'")
    answer = ask(plain.url, student)
    assert (answer["verdict"], answer["reason"], answer["complete"]) == ("on_its_way", "may_concern", True)
    assert answer["routed_notes"]["waiting"] == 1
    assert "may concern it: 1 note not yet handled" in read(plain.url, student)
    await suspending.execute("insert into listener.pause (consumer) values ('enroll')")
    assert verdict(plain.url, student) == ("waits", "paused")
    await suspending.execute("delete from listener.pause")
    other = await unnoted(suspending)
    await suspending.execute("delete from listener.change where route is not null")
    assert ask(plain.url, other)["courses"] == []
    await course(suspending)
    await suspending.execute("delete from listener.change")
    answer = ask(plain.url, other)
    assert (answer["verdict"], answer["reason"], answer["complete"]) == ("on_its_way", "everyone", True)
    assert "everyone: is looked at: 1 note not yet handled" in read(plain.url, other)


async def test_who_nothing_knows_of_is_found_by_the_next_audit(plain: Database) -> None:
    async with school(plain) as connection:
        await course(connection)
        await handle(connection)
        student = await unnoted(connection)
        assert verdict(plain.url, student) == ("on_its_way", "audit")
        assert "no note tells of it; the next audit (LISTENER_AUDIT_SECONDS) finds it" in read(plain.url, student)
        await connection.execute("insert into enrollments (user_id, course_id) select $1, id from courses", student)
        assert "who made it is not kept, as LISTENER_ON_LEAVE is keep" in read(plain.url, student)


async def test_what_is_not_done_here_or_only_observed_is_said(plain: Database) -> None:
    async with school(plain, actions="observe") as connection:
        await course(connection)
        student = await person(connection)
        assert verdict(plain.url, student) == ("only_observed", None)
        rule(plain, actions="count")
        assert verdict(plain.url, student) == ("enrolling_not_done_here", None)


async def test_a_query_that_a_migration_broke_leaves_no_answer_but_says_why(
    plain: Database, suspending: Connection
) -> None:
    student = await person(suspending)
    await suspending.execute("alter table courses drop column plan")
    answer = ask(plain.url, student, status=2)
    assert (answer["verdict"], answer["courses"], answer["complete"]) == ("unknown", None, False)
    assert any("in which courses it should be could not be read" in each for each in answer["incomplete_because"])
