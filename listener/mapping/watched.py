"""A table that the rule's query reads, and how a changed row leads to profiles."""

import re
from dataclasses import dataclass

from listener.mapping.tables import Table, column, readable

PLAINER = (
    re.compile(r'\((\{row\}\."(?:[^"]|"")+")\)::(?:text|character varying)'),
    re.compile(r'"pg_catalog"\."(\w+)"'),
    re.compile(r'operator\("pg_catalog"\.([^)]+)\)'),
    re.compile(r"\((-?\d+)\)::(?:smallint|integer|bigint)"),
    re.compile(r"('(?:[^']|'')*')::text"),
)
"""Parts of an expression that people need not read."""

EVERY_CHANGE = ("insert", "delete", "update", "truncate")
"""Triggers' names, without the prefix."""


def label(expression: str) -> str:
    """An expression of a route, for people."""
    for pattern in PLAINER:
        expression = pattern.sub(r"\1", expression)
    return readable(expression)


@dataclass(frozen=True)
class Value:
    """A value known from a row: SQL, with the row as `{row}`."""

    text: str
    type: str
    """Of the value; with `each`, of an array's elements."""
    each: bool = False
    """Whether the value is an array, of which each element counts."""
    is_time: bool = False
    """Whether the value's plain text depends on the session."""

    @classmethod
    def of_column(cls, name: str, kind: str, *, is_time: bool = False) -> "Value":
        return cls(column(name), kind, is_time=is_time)

    @property
    def label(self) -> str:
        """For people."""
        return label(self.text)


@dataclass(frozen=True)
class Match:
    """An equality between a known value and a row of the next table."""

    here: Value
    """Known from the row before."""
    there: str
    """SQL over the next table's row."""
    operator: str = 'operator("pg_catalog".=)'


@dataclass(frozen=True)
class Hop:
    """A step towards profiles: to the rows of `table` for which all matches hold."""

    table: Table
    matches: tuple[Match, ...]


@dataclass(frozen=True)
class Route:
    """The way from a changed row to profiles: `key` is the profile's key, in the last row of the way."""

    key: Value
    hops: tuple[Hop, ...] = ()

    @property
    def start(self) -> tuple[Value, ...]:
        """The values taken from the changed row."""
        return tuple(each.here for each in self.hops[0].matches) if self.hops else (self.key,)

    @property
    def steps(self) -> list[tuple[Table, str, str]]:
        """Of each hop the table, the compared values, and the values that lead on."""
        onward = [*(tuple(each.here for each in hop.matches) for hop in self.hops[1:]), (self.key,)]
        return [
            (hop.table, ", ".join(label(each.there) for each in hop.matches), ", ".join(each.label for each in values))
            for hop, values in zip(self.hops, onward, strict=False)  # without a hop, the key is the row's own
        ]

    def over(self, table: Table) -> list[tuple[Table, str]]:
        """All expressions of the way, each with the table of the row; the way begins at `table`."""
        found, here = [], table
        for hop in self.hops:
            for each in hop.matches:
                found += [(here, each.here.text), (hop.table, each.there)]
            here = hop.table
        return [*found, (here, self.key.text)]


@dataclass(frozen=True)
class Moment:
    """A column that the query compares with the time: its row matters in another way once that has come."""

    column: str
    """As the query names it. An index begins with it."""
    type: str
    offset: str
    """An interval, added to the time before it is compared."""


@dataclass(frozen=True)
class Watched:
    """A table that the rule's query reads."""

    table: Table
    columns: tuple[str, ...]
    """Read columns, under the names in the query."""
    routes: tuple[Route, ...] = ()
    """Empty: a change concerns all profiles."""
    audited: bool = False
    """Not watched: the audit finds changes."""
    condition: str | None = None
    """A row is noted only when the condition begins to hold, or `columns` change while the condition holds. None: every
    change is noted."""
    only_updates: bool = False
    """Whether rows that come and go are no news."""
    moments: tuple[Moment, ...] = ()

    @property
    def triggers(self) -> tuple[str, ...]:
        """Names, without `listener_`."""
        if self.only_updates:
            return ("watch_update",)
        if self.condition is not None:
            return ("insert", "update")
        return () if self.audited else tuple(f"watch_{name}" for name in EVERY_CHANGE)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The table, and tables on the routes."""
        return tuple(dict.fromkeys([self.table, *(hop.table for route in self.routes for hop in route.hops)]))
