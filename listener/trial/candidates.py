"""Values that a column may take, the likeliest first."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from listener.catalogue.catalogue import LITERAL, Column, ForeignKey
from listener.sql import literal

DEFAULT = "default"
NULL = "null"
NUMBERS = ("{n}", "1", "0", "10", "100", "2026")
NUMBER = re.compile(r"(?<![\w.])\d+\b")
TEXTS = (
    "{column} {n}",
    "x{n}",
    "person{n}@example.org",
    "https://example.org/{n}",
    "+4930555{n:04}",
    "{n:011}",
    "en",
    "EUR",
    "{n}",
    "#00aa{n:02}",
    "10:00",
    "2026-01-01",
)
BY_TYPE = {
    "uuid": ("gen_random_uuid()",),
    "boolean": ("true", "false"),
    "date": ("current_date", "current_date + 30", "current_date - 30"),
    "time without time zone": ("'10:00'",),
    "time with time zone": ("'10:00+00'",),
    "interval": ("'1 day'",),
    "json": ("'{}'", "'[]'"),
    "jsonb": ("'{}'", "'[]'"),
    "bytea": ("'\\x00'",),
    "inet": ("'127.0.0.1'",),
    "cidr": ("'127.0.0.1'",),
    "macaddr": ("'08:00:2b:01:02:03'",),
    "xml": ("''",),
    "money": ("1",),
    "point": ("'(0,0)'",),
    "bit": ("B'0'",),
    "tsvector": ("''",),
    "oid": ("1",),
}
TIMES = ("now()", "now() + interval '30 days'", "now() - interval '30 days'")
ARRAYS = ("'{{}}'", "'{{x}}'", "'{{1}}'")
SHORTEST = 3


@dataclass(frozen=True)
class Reference:
    """The key of a row elsewhere."""

    foreign_key: ForeignKey
    column: str
    literal: str | None = None
    """A word that the referenced row must hold: the role is called 'student'."""


Candidate = str | Reference


def texts_in(conditions: Iterable[str]) -> tuple[str, ...]:
    """The texts and numbers that conditions compare with."""
    found = (each for text in conditions for each in [*LITERAL.findall(text), *NUMBER.findall(LITERAL.sub("", text))])
    return tuple(dict.fromkeys(each.replace("''", "'") for each in found))


def of_reference(column: str, foreign_key: ForeignKey, texts: Iterable[str], *, optional: bool) -> list[Candidate]:
    named = [Reference(foreign_key, column, each) for each in texts]
    return [*([DEFAULT] if optional else []), *named, Reference(foreign_key, column)]


def of_column(column: Column, number: int, longest: int | None, texts: Iterable[str]) -> list[Candidate]:
    """Candidates as SQL. `texts`: words that conditions compare with; `number` makes values unique."""
    found = [] if column.must_be_given else [DEFAULT]
    found += [literal(each) for each in texts if column.is_word and (each in column.allowed or not column.allowed)]
    if column.allowed and column.is_word:
        found += map(literal, column.allowed)
    elif column.type.endswith("[]"):
        found += [each.format() for each in ARRAYS]
    elif column.type in BY_TYPE:
        found += BY_TYPE[column.type]
    elif column.is_number:
        found += [*(each for each in texts if each.isdecimal()), *(each.format(n=number) for each in NUMBERS)]
    elif column.is_time:
        found += TIMES
    else:
        written = [each.format(column=column.name.replace("_", " "), n=number) for each in TEXTS]
        if longest is not None:
            fits = [each for each in written if len(each) <= longest]
            written = fits if len(fits) >= SHORTEST else [*fits, f"{number:0{longest}}"[-longest:], "x" * longest]
        found += map(literal, written)
    return [*dict.fromkeys(found), *([] if column.not_null else [NULL])]
