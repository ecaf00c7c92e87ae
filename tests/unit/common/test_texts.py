"""Texts of others, as they are logged and printed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.texts import MOST_BYTES, UNSEEN, escaped, fit_to_log, one_line, traceback_fit_to_log

ANY = st.text(st.characters(codec=None, exclude_categories=()), max_size=3_000)


@given(ANY)
def test_whatever_is_told_is_short_and_has_nothing_unseen_in_it(text: str) -> None:
    told = one_line(text)
    assert len(told.encode()) <= MOST_BYTES
    assert not [each for each in told if unicodedata.category(each) in UNSEEN]
    assert one_line(told) == told
    assert escaped(text).isprintable()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plain", "plain"),
        ("two\nlines\tand a tab", "two lines and a tab"),
        ("\x1b[2J\x07bell", "[2J bell"),
        ("a\u202eb\u200bc", "a b c"),
        ("no\u00a0break", "no\u00a0break"),
        ("", ""),
        ("\n", ""),
        ("é€", "é€"),
    ],
)
def test_a_text_is_told_on_one_line(text: str, told: str) -> None:
    assert one_line(text) == told


def test_a_long_text_says_that_it_goes_on() -> None:
    for letter in "aé€\U0001f600":
        told = one_line(letter * 5_000)
        assert MOST_BYTES - 4 <= len(told.encode()) <= MOST_BYTES
        assert told.endswith("…")


def test_every_text_in_a_log_line_is_fit() -> None:
    line = {"event": "x\n", "count": 3, "none": None, "list": ["\x1b"] * 200, "deep": {"a\x07": ("b\n", 1.5, True)}}
    fit = fit_to_log(line)
    assert fit == {
        "event": "x", "count": 3, "none": None, "list": [*[""] * 100, "100 more"], "deep": {"a": ["b", 1.5, True]}
    }  # fmt: skip


def test_a_traceback_keeps_its_lines_and_its_end() -> None:
    told = traceback_fit_to_log("begin" * 10_000 + "\n  raise\x1b[2J\nend")
    assert told.endswith("\n  raise\\x1b[2J\nend")
    assert len(told) < 20_000
