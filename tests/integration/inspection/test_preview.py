"""`install --plan` says who would join, leave and come back, and changes nothing."""

from listener.database.connection import Connection
from listener.inspection.preview import MOST_SHOWN, Movement, Preview
from tests.conftest import Database
from tests.support.cohorts import BY_PLAN, SUSPEND, school, unnoticed
from tests.support.dumping import dump
from tests.support.preview import foretold
from tests.support.process import listener


def test_before_an_installation_it_says_who_would_join_by_a_query(empty: Database) -> None:
    school(empty, 9, None)
    empty.server.psql(empty.name, "insert into enrollments (profile_id, course_id, status) values (1, 1, 'completed')")
    assert foretold(empty, wanted_query=BY_PLAN, **SUSPEND) == [
        "who would join, leave, come back: 8 join",
        "course 1 ('a'): 5 would join: 2, 4, 5, 7, 8",
        "course 2 ('b'): 3 would join: 3, 6, 9",
        "changed nothing; once this is installed, the daemon does it",
    ]


def test_before_an_installation_it_says_who_would_join_by_the_built_in_rule(empty: Database) -> None:
    school(empty, 9, None)
    empty.server.psql(empty.name, "insert into enrollments (profile_id, course_id) values (1, 3), (2, 2)")
    empty.server.psql(empty.name, "update profiles set role = 'teacher' where id = 3")
    assert foretold(empty) == [
        "who would join, leave, come back: 6 join",
        "course 1 ('a'): 6 would join: 4, 5, 6, 7, 8, …",
        "changed nothing; once this is installed, `listener sync` does it",
    ]
    empty.server.psql(
        empty.name, "insert into enrollments (profile_id, course_id) select id, 3 from profiles where id > 3;"
    )
    said = listener(empty.url, "install", "--plan").stdout
    assert "who would join, leave, come back: nobody" in said
    assert "the rule wants" not in said  # people with an enrollment need none
    empty.server.psql(empty.name, "delete from enrollments where profile_id > 3")
    assert foretold(empty, default_course=2)[1] == "course 2 ('b'): 6 would join: 4, 5, 6, 7, 8, …"
    empty.server.psql(empty.name, "delete from courses")
    assert foretold(empty)[1] == "no course: 8 would join: 1, 2, 4, 5, 6, …; they would wait for one"


def test_it_says_so_if_nobody_is_enrolled_by_the_listener(empty: Database) -> None:
    school(empty, 3, None)
    nothing = "nothing of it would be done: LISTENER_ACTIONS={} enrolls nobody"
    nobody = "who would join, leave, come back: nobody"
    assert foretold(empty, actions="count") == [nobody, nothing.format("count")]
    assert foretold(empty, actions="observe")[-1] == nothing.format("observe")


async def test_what_was_taken_away_by_hand_is_not_said_to_come_back_or_to_leave(
    empty: Database, app: Connection
) -> None:
    school(empty, 6, **SUSPEND)
    listener(empty.url, "sync")
    await app.execute("delete from enrollments where profile_id = 1")
    await app.execute("update enrollments set status = 'completed' where profile_id = 2")
    await app.execute("insert into enrollments (profile_id, course_id) values (1, 3)")
    nobody = BY_PLAN + " and profiles.id = 1"
    assert foretold(empty, wanted_query=nobody)[:-1] == [
        "who would join, leave, come back: 4 leave (suspended)",
        "course 1 ('a'): 2 would leave (suspended): 4, 5",
        "course 2 ('b'): 2 would leave (suspended): 3, 6",
    ]


async def test_it_says_who_waits_already_and_which_courses_there_are_not(empty: Database, app: Connection) -> None:
    school(empty, 6)
    await app.execute(
        "insert into listener.pending_enrollment (profile_id, reason, next_attempt_at)"
        " values (1, 'failed', now()), (2, 'failed', now())"
    )
    nowhere = f"{BY_PLAN} union all select profiles.id, 77 from profiles where profiles.id > 4"
    assert foretold(empty, wanted_query=nowhere)[1:-1] == [
        "course 1 ('a'): 4 would join: 1, 2, 4, 5; 2 of them wait already (`listener pending`)",
        "course 2 ('b'): 2 would join: 3, 6",
        "course 77: 2 would join: 5, 6; there is no such course, so they would wait",
    ]


def test_a_dry_run_of_sync_says_the_same_of_what_is_installed(empty: Database) -> None:
    school(empty, 9, **SUSPEND)
    listener(empty.url, "sync")
    empty.server.psql(empty.name, unnoticed("update profiles set plan = 'gold' where id <= 2"))
    numbers, *by_course = foretold(empty)[:-1]
    before = dump(empty)
    done = listener(empty.url, "sync", "--dry-run", check=False)
    assert done.returncode == 1
    assert numbers == "who would join, leave, come back: 2 join, 2 leave (suspended)"
    assert by_course == ["course 1 ('a'): 2 would leave (suspended): 1, 2", "course 2 ('b'): 2 would join: 1, 2"]
    wants = "bring everybody where the query of LISTENER_WANTED_QUERY wants them"
    assert done.stdout.splitlines() == [
        "What `listener sync` would do, in this order",
        "",
        f"1. {wants}: 2 join, 2 leave (suspended)",
        *(f"    {line}" for line in by_course),
        "",
        "Nothing was changed.",
    ]
    assert dump(empty) == before


def test_a_query_that_fails_for_somebody_is_one_line(empty: Database) -> None:
    school(empty, 6, None)
    query = "select profiles.id, 1 / (profiles.id - 4) from profiles"
    for command in (("install", "--plan"), ("diagnose",), ("sync", "--dry-run")):
        done = listener(empty.url, *command, check=False, wanted_query=query)
        assert done.returncode == 2
        assert done.stderr == "listener: LISTENER_WANTED_QUERY: fails for profile 4: division by zero.\n"


def test_a_plan_is_said_or_printed(empty: Database) -> None:
    done = listener(empty.url, "install", "--plan", "--print", check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--plan" in done.stderr
    assert "--print" in done.stderr


def test_of_many_courses_the_first_are_told_and_the_others_counted() -> None:
    movements = [Movement(str(number), True, "enrolled", number, 0, ("1",)) for number in range(1, MOST_SHOWN + 11)]
    lines = list(Preview(tuple(movements)).lines())
    assert lines[0] == f"who would join, leave, come back: {sum(range(MOST_SHOWN + 11)):,} join"
    assert lines[1] == "course 1: 1 would join: 1"
    assert len(lines) == MOST_SHOWN + 2
    assert lines[-1] == "and in 10 more courses"
