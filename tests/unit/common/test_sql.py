"""The SQL files and their placeholders."""

from pathlib import Path

import pytest

from listener import sql
from listener.feed.consumer import InstalledConsumer


def test_a_name_is_replaced_as_it_stands() -> None:
    assert sql.render("select {{what}}", {"what": "1"}) == "select 1"


def test_an_expression_over_a_row_gets_the_alias() -> None:
    assert sql.render("{{key:new}} = {{key:old}}", {"key": '{row}."id"'}) == 'new."id" = old."id"'


def test_a_value_with_braces_is_not_filled_in_again() -> None:
    assert sql.render("{{a}}", {"a": "{{b}}", "b": "wrong"}) == "{{b}}"


def test_a_value_may_hold_the_dollar_tag_that_it_stands_between() -> None:
    rendered = sql.render("do $$ select {{a}} $$; do $$ {{b}} $$", {"a": "'$$; drop $_1$'", "b": "1"})
    assert rendered == "do $_2$ select '$$; drop $_1$' $_2$; do $_2$ 1 $_2$"


def test_so_it_is_with_a_tag_within_another() -> None:
    rendered = sql.render("do $$ execute $a$select {{a}}$a$ || $a$, {{b}}$a$ $$", {"a": "'$a$; drop'", "b": "'$$'"})
    assert rendered == "do $_1$ execute $a_1$select '$a$; drop'$a_1$ || $a_1$, '$$'$a_1$ $_1$"


def test_a_dollar_tag_stays_where_nothing_is_in_its_way() -> None:
    assert sql.render("do $$ {{a}} $$ {{b}}", {"a": "1", "b": "do $$ 2 $$"}) == "do $$ 1 $$ do $$ 2 $$"


def test_a_name_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        sql.render("{{missing}}", {})


def test_lines_stay_where_their_condition_holds() -> None:
    text = "a\n    --: if outer\n    b\n--: unless inner\n{{value}}\n--: else\nc\n--: end\n    --: end\nd -- : if no"
    values = {"value": "--: if a value\nis text", "outer": "true", "inner": "false"}
    assert sql.render(text, values) == "a\n    b\n--: if a value\nis text\nd -- : if no"
    assert sql.render(text, values | {"inner": "true"}) == "a\n    b\nc\nd -- : if no"
    assert sql.render(text, values | {"outer": "false"}) == "a\nd -- : if no"


def test_a_value_of_several_lines_is_indented_like_its_line() -> None:
    text = "begin\n    {{block}}\n    a := ({{query}});\n{{query}}"
    rendered = sql.render(text, {"block": "-- it's\nif\n    b -- it's\nend if;", "query": "select 1\nfrom c"})
    block = "begin\n    -- it's\n    if\n        b -- it's\n    end if;\n"
    assert rendered == f"{block}    a := (select 1\nfrom c);\nselect 1\nfrom c"
    assert sql.render("    {{query}} as d", {"query": "case\n            e\n        end"}) == (
        "    case\n        e\n    end as d"
    ), "whatever the value's own margin was"


@pytest.mark.parametrize(
    "value",
    [
        "select 'a\n  b'",
        "select \"it's\", 'a\n  b'",
        'select "a\n  b"',
        "select $$a\n  b$$",
        "select $x$a\n  b$x$",
        "/* a\n  b */",
        "E'\\'\n  b'",
    ],
)
def test_a_value_that_may_have_a_string_of_several_lines_stays_as_it_is(value: str) -> None:
    assert sql.render("(\n    {{value}}\n)", {"value": value}) == f"(\n    {value}\n)"


def test_a_line_that_is_an_empty_value_goes_away() -> None:
    text = "a\n    {{none}}\n    {{none:row}}\n    {{none}};\nb {{none}}"
    assert sql.render(text, {"none": ""}) == "a\n    ;\nb "


@pytest.mark.parametrize(
    ("name", "quoted"), [("id", '"id"'), ("Order", '"Order"'), ('a"b', '"a""b"'), ("naïve", '"naïve"')]
)
def test_identifiers_are_quoted(name: str, quoted: str) -> None:
    assert sql.identifier(name) == quoted


@pytest.mark.parametrize(
    ("value", "quoted"), [("active", "'active'"), ("it's", "'it''s'"), ("", "''"), ("a\\b", " E'a\\\\b'")]
)
def test_literals_are_quoted(value: str, quoted: str) -> None:
    assert sql.literal(value) == quoted


def test_a_consumer_s_statement_has_no_placeholder_left() -> None:
    assert "{{" not in InstalledConsumer("test", "{{feed}} select 1")._statement


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of SQL files of its own."""
    monkeypatch.setattr(sql, "folder", lambda: tmp_path)
    monkeypatch.setattr(sql, "read", sql.read.__wrapped__)
    monkeypatch.setattr(sql, "sections", sql.sections.__wrapped__)
    return tmp_path


def test_a_file_has_sections(room: Path) -> None:
    (room / "pausing.sql").write_text(
        "-- Pauses.\n\n-- name: paused\n-- Who is.\nselect 1;\n\n-- name: lock\nset local a = 1;\nset local b = 2;\n"
    )
    assert sql.sections("pausing") == {
        "paused": "-- Who is.\nselect 1;",
        "lock": "set local a = 1;\nset local b = 2;",
    }
    assert sql.subquery(sql.read("pausing", "paused")) == "-- Who is.\nselect 1"
    with pytest.raises(KeyError, match="unheard_of"):
        sql.read("pausing", "unheard_of")


def test_a_file_without_sections_is_one_text(room: Path) -> None:
    (room / "batch.sql").write_text("-- A batch.\nselect 1\n")
    assert sql.sections("batch") == {}
    assert sql.read("batch") == "-- A batch.\nselect 1"
