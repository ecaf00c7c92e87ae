"""What commands print can be read, copied and piped: in a pipe, in terminals of any width, without colour, aloud."""

import json
import re
from collections.abc import Callable

import pytest
from rich.cells import cell_len

from tests.conftest import Database
from tests.support.process import listener
from tests.support.project import SUPPORT
from tests.support.terminal import in_terminal

CASE = (SUPPORT / "users_case.sql").read_text()
STUDENT = "00000000-0000-0000-0000-000000000004"
WAITS = f"""
insert into listener.pending_enrollment (profile_id, reason, error, attempts, next_attempt_at)
values ('{STUDENT}', 'failed', 'the trigger check_enrollment_of_the_accounting_department says no', 3, '2030-01-01')
"""
COUNT_WAITS = """
insert into listener.pending_count (course_id, delta, error, next_attempt_at)
select id, 0, 'closed', '2030-01-01' from courses limit 1
"""
SHOWING = (
    ("diagnose",),
    ("sync", "--structure", "--dry-run"),
    ("sync", "--dry-run"),
    ("install", "--plan"),
    ("pending",),
    ("explain", STUDENT),
    ("status", "--full"),
)
"""Commands that change nothing, so that they say the same again; but for the time, in `status`."""

DRAWN = re.compile("[\u2500-\u259f]")
CURSOR_UP = "\x1b[1A"
MOMENT = re.compile(r"\d+ (ms|s|min) ago|waits for \d+ (ms|s|min)")
SCREEN = 40
"""Lines of a usual window."""
MARKS = ":;,"
WHOLE = ("mend with:", "alter table", "add constraint", "create ", "on ")
"""How lines begin that are not wrapped, for they are copied as a whole: commands and SQL."""


@pytest.fixture
def case(make_database: Callable[..., Database]) -> Database:
    """Students without enrollment, wrong counts, somebody who waits, and all advice there is."""
    database = make_database(empty=True)
    database.server.psql(database.name, CASE)
    listener(database.url, "install", "--take-over")
    database.server.psql(database.name, WAITS)
    return database


def piped(database: Database, *arguments: str, **surroundings: str) -> str:
    """What a command prints into a pipe."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FORCE_COLOR", raising=False)
        for name, value in surroundings.items():
            patch.setenv(name, value)
        done = listener(database.url, *arguments, check=False)
    assert done.stderr == ""
    return MOMENT.sub("a moment ago", done.stdout)


def words(text: str) -> set[str]:
    """All words of a text, without the marks behind them."""
    return {word.rstrip(MARKS) for word in text.split()}


@pytest.mark.parametrize("command", SHOWING, ids=" ".join)
@pytest.mark.half
def test_in_a_pipe_lines_are_plain_and_do_not_depend_on_a_width(case: Database, command: tuple[str, ...]) -> None:
    text = piped(case, *command, COLUMNS="40", TERM="xterm-256color")
    assert piped(case, *command, COLUMNS="300", TERM="dumb") == text
    assert text == "".join(f"{line.rstrip()}\n" for line in text.splitlines()), "no line is filled up with blanks"
    assert not DRAWN.search(text)
    assert "\x1b" not in text
    assert "…" not in text


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("command", SHOWING, ids=" ".join)
@pytest.mark.quarter
def test_in_a_terminal_words_are_wrapped_and_none_is_cut(
    case: Database, command: tuple[str, ...], columns: int
) -> None:
    shown = in_terminal(case.url, *command, columns=columns)
    text = MOMENT.sub("a moment ago", shown.text)
    names = {"score", "why", "attempts", "since", "next", "attempt", "(UTC)", "error"}
    assert words(piped(case, *command)) - names <= words(text)
    assert not DRAWN.search(text)
    assert "…" not in text
    long = [line for line in text.splitlines() if cell_len(line) > columns]
    assert [line for line in long if not line.strip().startswith(WHOLE)] == []


def test_each_finding_is_a_paragraph_that_begins_with_its_code_and_ends_with_what_mends_it(case: Database) -> None:
    found = json.loads(listener(case.url, "diagnose", "--json", check=False).stdout)
    paragraphs = piped(case, "diagnose").split("\n\n")
    for finding in [*found["findings"], *found["advice"]]:
        (lines,) = (each.splitlines() for each in paragraphs if each.startswith(f"{finding['code']}: "))
        assert lines[1:] == [*(f"    {each}" for each in finding["examples"]), f"    mend with: {finding['mend']}"]
    counts = {code: int(count) for code, count in re.findall(r"^(\w+): (\d+) ", piped(case, "diagnose"), re.MULTILINE)}
    assert counts == {"students_without_enrollment": 3, "counts_off": 2, "students_refused": 1}


def test_of_many_it_says_that_there_are_more_than_the_examples(case: Database) -> None:
    case.server.psql(case.name, "insert into courses (title, enrollments) select 'a', 5 from generate_series(1, 4)")
    (counts,) = (each for each in piped(case, "diagnose").split("\n\n") if each.startswith("counts_off: 6 counts"))
    assert counts.splitlines()[-2:] == ["    and more", "    mend with: listener sync"]


def test_colour_is_left_out_where_nobody_wants_it_and_says_nothing_that_words_do_not(case: Database) -> None:
    coloured = in_terminal(case.url, "status")
    plain = in_terminal(case.url, "status", NO_COLOR="1")
    assert "31" in coloured.styles, "red: nobody leads"
    assert plain.styles <= {"", "0", "1"}
    assert MOMENT.sub("", plain.text) == MOMENT.sub("", coloured.text)
    assert re.search(r"no_leader:\s+no daemon leads\n\s+start one: listener run", plain.text)


@pytest.mark.parametrize("command", [*SHOWING, ("sync",)], ids=" ".join)
@pytest.mark.half
def test_a_dumb_terminal_gets_the_plain_lines(case: Database, command: tuple[str, ...]) -> None:
    shown = in_terminal(case.url, *command, columns=60, TERM="dumb")
    assert "\x1b" not in shown.raw
    assert not DRAWN.search(shown.raw)
    if command != ("sync",):
        assert MOMENT.sub("a moment ago", shown.text) == piped(case, *command)


def test_what_is_watched_in_a_terminal_is_drawn_again_whole(case: Database) -> None:
    shown = in_terminal(case.url, "status", "--watch", "--every", "0.1", columns=60, until=CURSOR_UP)
    assert shown.status == 0
    text = MOMENT.sub("a moment ago", shown.text)
    assert words(piped(case, "status")) <= words(text)
    assert max(map(cell_len, text.splitlines())) <= 60


def test_how_far_sync_has_come_is_a_line_where_no_bar_can_be_drawn(case: Database) -> None:
    assert DRAWN.search(in_terminal(case.url, "sync", "--structure").raw)
    said = listener(case.url, "sync", check=False).stdout.splitlines()
    assert not any(line.startswith("students: ") for line in said)  # there was nothing left to do
    assert not DRAWN.search("".join(said))


def test_one_is_one(case: Database) -> None:
    case.server.psql(case.name, f"delete from auth.users where id::text > '{STUDENT[:-1]}5'")
    case.server.psql(case.name, "update courses set students = 3; alter table profiles disable trigger listener_insert")
    said = piped(case, "diagnose")
    for line in ("1 student has no enrollment", "1 count is off", "1 trigger is missing", "1 student is refused"):
        assert f": {line}" in said
    assert "1. enroll 1 student\n" in piped(case, "sync", "--dry-run")
    assert piped(case, "pending", "retry") == "1 student due now\n"
    case.server.psql(case.name, COUNT_WAITS)
    assert piped(case, "pending", "retry") == "1 student and 1 count due now\n"
    case.server.psql(case.name, "delete from listener.pending_count")
    assert piped(case, "pending", "drop") == "1 student dropped\n"
    assert piped(case, "pending", "drop") == "0 students dropped\n"
    case.server.psql(case.name, f"delete from auth.users where id = '{STUDENT}'")
    listener(case.url, "install")
    assert "enrolled 1 student, 0 wait\n" in piped(case, "sync", "--structure")


def test_help_has_no_boxes_and_fits_a_screen(case: Database) -> None:
    text = in_terminal(case.url, "--help").text
    assert re.search(r"^  uninstall +Remove all that install added; ", text, re.MULTILINE)
    assert "..." not in text.partition("Commands:")[2]
    assert text.count("\n") <= SCREEN
    for arguments, status in ((["--help"], 0), (["diagnose", "--help"], 0), (["sync", "--no-such-thing"], 2)):
        shown = in_terminal(case.url, *arguments, columns=60)
        assert shown.status == status
        assert not DRAWN.search(shown.raw)
