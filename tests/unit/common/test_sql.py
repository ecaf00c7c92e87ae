"""The SQL files and their placeholders."""

import pytest

from listener import sql
from listener.feed.consumer import Consumer


def test_a_name_is_replaced_as_it_stands() -> None:
    assert sql.render("select {{what}}", {"what": "1"}) == "select 1"


def test_an_expression_over_a_row_gets_the_alias() -> None:
    assert sql.render("{{key:new}} = {{key:old}}", {"key": '{row}."id"'}) == 'new."id" = old."id"'


def test_a_value_with_braces_is_not_filled_in_again() -> None:
    assert sql.render("{{a}}", {"a": "{{b}}", "b": "wrong"}) == "{{b}}"


def test_a_name_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        sql.render("{{missing}}", {})


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
    assert "{{" not in Consumer("test", "{{feed}} select 1")._statement
