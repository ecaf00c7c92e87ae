"""Lines of whole words, as wide as a terminal; columns where there is room; counts that agree with their nouns."""

from rich.cells import cell_len
from rich.text import Text

from listener.commands.printing import arranged, paragraph, wrapped
from listener.numerals import counted

TEXT = (
    "    no index of public.enrollments_of_the_department begins with course_id: `listener sync --structure` makes it"
)
ROWS = [
    ("profiles", "public.profiles, key id (uuid)", "90", "extends auth.users"),
    ("students", "role in ('student')", "", ""),
]
HEADER = ("what", "found", "score", "why")


def plain(lines: list[Text]) -> list[str]:
    return [line.plain for line in lines]


def test_wrapping_takes_no_word_apart_and_loses_none() -> None:
    for columns in range(1, 120):
        lines = wrapped(TEXT, columns)
        assert " ".join(lines) == TEXT
        long = {line.strip() for line in lines if cell_len(line) > columns}
        assert not [line for line in long if " " in line and line != "`listener sync --structure`"]


def test_without_a_terminal_nothing_is_wrapped() -> None:
    assert wrapped(TEXT * 20, None) == [TEXT * 20]


def test_wide_letters_count_for_two_columns() -> None:
    assert wrapped("学生 学生 学生", 9) == ["学生 学生", "学生"]


def test_the_further_lines_of_a_paragraph_are_indented() -> None:
    assert plain(paragraph(Text("one two three four"), 8, "    ")) == ["one two", "    three", "    four"]


def test_rows_stand_side_by_side_if_there_is_room_and_are_lines_if_not() -> None:
    assert plain(arranged(ROWS, HEADER, 80)) == [
        "what      found                           score  why",
        "profiles  public.profiles, key id (uuid)  90     extends auth.users",
        "students  role in ('student')",
    ]
    assert plain(arranged(ROWS, HEADER, 62)) == [
        "what      found                      score  why",
        "profiles  public.profiles, key id    90     extends auth.users",
        "          (uuid)",
        "students  role in ('student')",
    ]
    assert plain(arranged(ROWS, HEADER, 40)) == [
        "profiles: public.profiles, key id (uuid)",
        "    score: 90",
        "    why: extends auth.users",
        "students: role in ('student')",
    ]
    assert plain(arranged(ROWS, HEADER, None)) == [
        "profiles: public.profiles, key id (uuid); score: 90; why: extends auth.users",
        "students: role in ('student')",
    ]


def test_a_row_without_a_name_belongs_to_the_one_above() -> None:
    rows = [("student", "yes"), ("", "its row has role")]
    assert plain(arranged(rows, (), None)) == ["student: yes", "    its row has role"]
    assert plain(arranged(rows, (), 80)) == ["student:  yes", "          its row has role"]


def test_what_a_terminal_would_act_on_is_spelled_out() -> None:
    assert plain(arranged([("a\x1b[2J", "b\nc\td")], (), None)) == ["a\\x1b[2J: b\\nc\\td"]


def test_a_count_agrees_with_its_noun() -> None:
    said = [counted(number, "trigger") for number in (0, 1, 2, 12000)]
    assert said == ["0 triggers", "1 trigger", "2 triggers", "12,000 triggers"]
    assert [counted(number, "student waits", "students wait") for number in (1, 2)] == [
        "1 student waits",
        "2 students wait",
    ]
