"""`sync --dry-run` is a plan: what would be done, in order, what has to be done first, and what would be left."""

import re
from collections.abc import Callable

import pytest

from tests.conftest import Database
from tests.support.process import listener
from tests.support.project import SUPPORT

CASE = (SUPPORT / "users_case.sql").read_text()
NOTED = "insert into profiles (role) values ('student'); update listener.change set at = now() - interval '1 hour'"


@pytest.fixture
def case(make_database: Callable[..., Database]) -> Database:
    """Wrong keys, four students without an enrollment, two counts that are off; its own triggers do the same work."""
    database = make_database(empty=True)
    database.server.psql(database.name, CASE)
    return database


def planned(database: Database, *flags: str, status: int = 1) -> list[str]:
    """The paragraphs of the plan, the last of which says that nothing was changed."""
    done = listener(database.url, "sync", "--dry-run", *flags, check=False)
    assert (done.returncode, done.stderr) == (status, "")
    *paragraphs, last = done.stdout.strip().split("\n\n")
    assert last == "Nothing was changed."
    return paragraphs


def first_lines(paragraphs: list[str]) -> list[str]:
    return [paragraph.splitlines()[0] for paragraph in paragraphs]


def test_it_says_in_order_what_then_is_done(case: Database) -> None:
    listener(case.url, "install", "--take-over")
    title, *todos = planned(case, "--structure")
    assert title == "What `listener sync --structure` would do, in this order"
    assert [line.partition(":")[0] for line in first_lines(todos)] == [
        "1. put another foreign key in the place of one",
        "2. add the unique key enrollments_user_id_course_id_key",
        "3. add the index enrollments_course_id_idx",
        "4. enroll 4 students",
        "5. repair 2 counts",
    ]
    assert re.search(r"^    create index concurrently .*;$", todos[2], re.MULTILINE)
    assert re.search(r"^    course .*: 4 would join: .*000004, .*000007$", todos[3], re.MULTILINE)
    assert re.search(r"^    .*: enrollments says 1587, should be 3$", todos[4], re.MULTILINE)
    title, *todos = planned(case)
    assert first_lines(todos) == ["1. enroll 4 students", "2. repair 2 counts"]
    said = listener(case.url, "sync", "--structure").stdout
    assert "\n3. add the index enrollments_course_id_idx: " in said
    assert "enrolled 4 students, 0 wait\n" in said
    assert planned(case, "--structure", status=0) == ["`listener sync --structure` has nothing to do."]


def test_without_an_installation_it_says_what_to_do_first(case: Database) -> None:
    title, *findings = planned(case)[:3]
    assert title == "What has to be done first: until then `listener sync` does nothing"
    assert first_lines(findings) == [
        "triggers_doubled: 2 triggers of the LMS's own do the same work",
        "not_installed: schema listener is not installed",
    ]
    assert "    mend with: listener install --take-over" in findings[0].splitlines()
    assert planned(case)[3] == "What `listener sync` would do, in this order"


def test_with_a_broken_mapping_it_says_what_is_gone_and_not_that_there_is_nothing_to_do(database: Database) -> None:
    database.server.psql(database.name, "alter table profiles drop column role")
    title, finding = planned(database)
    assert title == "What has to be done first: until then `listener sync` does nothing"
    assert finding.startswith("mapping_broken: 1 mapped table or column is gone")
    assert "column role of public.profiles is gone" in finding


def test_while_a_reaction_is_paused_it_says_that_nothing_would_be_done(database: Database) -> None:
    listener(database.url, "pause", "count", "--reason", "import")
    paused, nothing = planned(database)
    assert paused.startswith("`listener sync` does nothing for now: count is paused since ")
    assert paused.endswith("by postgres (import); `listener resume count` first")
    assert nothing == "`listener sync` has nothing to do."
    said = listener(database.url, "sync", check=False).stdout
    assert said == f"nothing done: {paused.partition('for now: ')[2]}\n"


def test_it_says_what_it_would_not_mend(database: Database) -> None:
    database.server.psql(database.name, "alter table profiles disable trigger listener_insert")
    nothing, title, finding = planned(database)
    assert (nothing, title) == ("`listener sync` has nothing to do.", "What it would not mend")
    assert finding.splitlines() == [
        "triggers_missing: 1 trigger is missing or disabled",
        "    listener_insert on profiles is disabled",
        "    mend with: listener install",
    ]


def test_what_waits_for_a_daemon_is_handled_first(database: Database) -> None:
    database.server.psql(database.name, f"insert into courses (title) values ('a'); {NOTED}")
    _, *todos = planned(database)
    assert first_lines(todos) == ["1. handle what is noted and waits for a daemon", "2. enroll 1 student"]
    listener(database.url, "sync")
    assert planned(database, status=0) == ["`listener sync` has nothing to do."]
