"""Columns that a setting names, and values of a column, in a line."""

from listener.catalogue.catalogue import Column, Relation
from listener.errors import WrongSetting
from listener.row_text import columns_of, unquoted
from listener.settings import PREFIX

SHOWN = 12
"""Most values in a line."""


def check_seen(relation: Relation, expression: str, setting: str) -> None:
    """Raise WrongSetting if an expression over `{row}` reads a column whose value no trigger gets."""
    for name in map(unquoted, columns_of(expression)):
        if relation.columns[name].virtual:
            raise WrongSetting(
                name=setting,
                problem=f"{relation.table.label}.{name} is a virtual column, whose value no trigger is given: name the"
                " columns that it is computed from, or make it a stored one",
            )


def few(values: tuple[str, ...]) -> str:
    """Values for a line."""
    shown = ", ".join(" ".join(value.split())[:40] for value in values[:SHOWN])
    return f"{shown} and {len(values) - SHOWN} more" if len(values) > SHOWN else shown


def find_column(relation: Relation, name: str, setting: str) -> Column:
    """The column named by a setting. Raises WrongSetting, which lists the columns."""
    if name in relation.columns:
        return relation.columns[name]
    plain = name.strip()
    quoted = len(plain) > 2 and plain.startswith('"') and plain.endswith('"')
    plain = unquoted(plain) if quoted else plain.strip('"')
    if plain in relation.columns:
        return relation.columns[plain]
    folded = [column for column in relation.columns.values() if column.name.lower() == plain.lower()]
    if len(folded) == 1:
        return folded[0]
    there = ", ".join(relation.columns)
    raise WrongSetting(
        name=PREFIX + setting.upper(), problem=f"{relation.table.label} has no column {plain!r}, only {there}"
    )
