"""Settings that hold several things."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.mapping.lists import assigning, assignments, listed, listing
from listener.sql import literal

TEXTS = st.text(min_size=1, max_size=8, alphabet="""ab ,;="'\\{}$\n""")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("active", ("active",)),
        (" a, b ,,", ("a", "b")),
        ('a,"b, c","d""e"', ("a", "b, c", 'd"e')),
        ('" a "', (" a ",)),
        ("", ()),
    ],
)
def test_parts_stand_between_commas(text: str, parts: tuple[str, ...]) -> None:
    assert listed(text) == parts


@given(st.lists(TEXTS))
def test_any_values_can_be_listed(values: list[str]) -> None:
    assert listed(listing(values)) == tuple(values)


@given(st.dictionaries(TEXTS, TEXTS.map(literal)))
def test_any_columns_can_be_assigned(values: dict[str, str]) -> None:
    found = [(name[1:-1].replace('""', '"'), expression) for _, name, expression in assignments(assigning(values))]
    assert found == [(name, value.strip()) for name, value in values.items()]
