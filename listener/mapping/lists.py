"""Settings that hold lists: values or columns between commas, columns with expressions between semicolons.

Double quotes work as in SQL.
"""

import re
from collections.abc import Iterable, Iterator

from listener.sql import identifier

PLAIN = re.compile(r"[^\s,\"]([^,\"]*[^\s,\"])?")
ITEM = re.compile(r'\s*(?:"((?:[^"]|"")*)"\s*(?=,|$)|([^,]*))(?:,|$)')
ASSIGNMENT = re.compile(r"(?:'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[^;'\"]|['\"])+")
NAME = re.compile(r'\s*("(?:[^"]|"")+"|[^="]+?)\s*=')


def listed(text: str) -> tuple[str, ...]:
    """The items between commas."""
    found = []
    for match in ITEM.finditer(text):
        part = match[2].strip() if match[1] is None else match[1].replace('""', '"')
        if part or match[1] is not None:
            found.append(part)
    return tuple(found)


def listing(values: Iterable[str]) -> str:
    """The opposite of `listed`."""
    return ",".join(value if PLAIN.fullmatch(value) else identifier(value) for value in values)


def parts(text: str) -> Iterator[str]:
    """The items between semicolons."""
    for match in ASSIGNMENT.finditer(text):
        part = match[0].strip()
        if part:
            yield part


def assignments(text: str) -> Iterator[tuple[str, str, str]]:
    """(item, column, expression) of each item between semicolons; without an assignment, column and expression are
    empty."""
    for part in parts(text):
        name = NAME.match(part)
        yield (part, "", "") if name is None else (part, name[1].strip(), part[name.end() :].strip())


def assigning(values: dict[str, str]) -> str:
    """The opposite of `assignments`."""
    return ";".join(f"{identifier(name)}={value}" for name, value in values.items())
