"""The status page shows courses with wanted, enrolled and waiting, where a query says who should be where."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from listener.http.page import figures
from listener.instruments.state import Courses, Role, State
from listener.repair.students_audit import SHOWN
from tests.conftest import Database
from tests.support import browser
from tests.support.campus import course, school
from tests.support.eventually import eventually
from tests.support.explaining import person, unnoted
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess

StartDaemon = Callable[..., DaemonProcess]


def test_which_courses_they_are_is_shown_behind_a_password_and_by_the_leader() -> None:
    state = State(1)
    state.courses = Courses(({"course_id": "c", "wanted": 3, "enrolled": 2, "waiting": 1},), 1, 0.0)
    assert figures(state, 1, keys=True)["courses"] is None
    state.role = Role.LEADING
    assert figures(state, 1, keys=True)["courses"]["rows"][0]["course_id"] == "c"
    assert figures(state, 1, keys=False)["courses"]["rows"][0]["course_id"] is None


def courses(daemon: DaemonProcess) -> dict[str, Any] | None:
    """What the page is told of the courses."""
    found: dict[str, Any] | None = json.loads(daemon.get("/state.json")[1])["courses"]
    return found


@pytest.mark.skipif(browser.CHROMIUM is None, reason="chromium is not installed (Debian: chromium)")
async def test_a_person_reads_how_many_are_wanted_there_are_there_and_wait(
    make_database: Callable[..., Database], start_daemon: StartDaemon
) -> None:
    database = make_database(installed=False)
    async with school(database) as connection:
        free, gold = await course(connection), await course(connection, "gold")
        daemon = start_daemon(database, audit_seconds=0.3).wait_ready("leading")
        student = await person(connection)
        await eventually(connection, "select count(*) from enrollments", equals=1)
        await connection.execute("insert into payments (profile_id, plan) values ($1, 'gold')", student)
        await eventually(connection, "select count(*) from enrollments", equals=2)
        missed = await unnoted(connection)
        rows = [
            {"course_id": None, "wanted": 2, "enrolled": 1, "waiting": 1},
            {"course_id": None, "wanted": 1, "enrolled": 1, "waiting": 0},
        ]
        wait_until(lambda: (courses(daemon) or {}).get("rows") == rows, "the audit has found it", 60)
        page, complaints = browser.dom(f"http://127.0.0.1:{daemon.port}/")
        assert complaints == ""
        section = page.partition('<section id="courses"')[2].partition("</section>")[0]
        cells = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>.*?</tr>", section)]
        assert [row[1:] for row in cells[1:]] == [["2", "1", "1"], ["1", "1", "0"]]
        assert not [key for key in (free, gold, student, missed) if key in page]


async def test_of_many_courses_the_first_are_shown_and_how_many_there_are(
    make_database: Callable[..., Database], start_daemon: StartDaemon
) -> None:
    database = make_database(installed=False)
    async with school(database) as connection:
        first = await course(connection)
        for _ in range(SHOWN + 2):
            await course(connection, "gold")
        student = await person(connection)
        await connection.execute("insert into payments (profile_id, plan) values ($1, 'gold')", student)
        another = await person(connection)
        daemon = start_daemon(database, audit_seconds=0.3).wait_ready("leading")

        def found() -> bool:
            seen = courses(daemon)
            return seen is not None and seen["rows"][0]["enrolled"] == 2

        wait_until(found, "the audit has found them", 60)
        seen = courses(daemon)
        assert seen is not None
        assert (len(seen["rows"]), seen["count"]) == (SHOWN, SHOWN + 3)
        assert first not in daemon.get("/state.json")[1]
        assert not [key for key in (student, another) if key in json.dumps(seen)]


async def test_under_the_built_in_rule_there_is_no_such_table(database: Database, start_daemon: StartDaemon) -> None:
    daemon = start_daemon(database, audit_seconds=0.3).wait_ready("leading")
    wait_until(lambda: daemon.metric("listener_audits_total") >= 2, "it has audited", 60)
    assert courses(daemon) is None
