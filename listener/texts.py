"""Foreign texts made safe to show: errors of the server, names of tables, roles, courses and applications.

The authors must not be able to fill a log, to begin a line of the log, or to steer a terminal. SQL cuts errors in the
database by the same rule (`listener.error_text`).
"""

import unicodedata
from collections.abc import Mapping
from typing import Any

MOST_BYTES = 1_000
MOST_ITEMS = 100
"""Of a logged list."""
MOST_TRACEBACK_BYTES = 16_384
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories that act without being seen: control characters, characters that turn the direction of writing
or have no width, halves of characters, separators of lines."""
MORE = "…"


def one_line(text: str, most: int = MOST_BYTES) -> str:
    """At most `most` bytes of UTF-8 on a single line, without control and format characters."""
    head = text[: most + 1]
    if not head.isprintable():
        head = "".join(" " if unicodedata.category(each) in UNSEEN else each for each in head)
    return cut(head if len(text) > most else head.strip(), most)


def cut(text: str, most: int = MOST_BYTES) -> str:
    """At most `most` bytes of UTF-8; a longer text ends with `MORE`."""
    encoded = text[: most + 1].encode(errors="replace")
    if len(encoded) <= most:
        return text
    return encoded[: most - len(MORE.encode())].decode(errors="ignore") + MORE


def escaped(text: str) -> str:
    """With characters that cannot be seen as escapes (`\\x1b`, `\\u202e`)."""
    return text if text.isprintable() else "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def fit_to_log(value: Any) -> Any:
    """Every text in the value on a single line, and cut."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, Mapping):
        return {fit_to_log(name): fit_to_log(each) for name, each in list(value.items())[:MOST_ITEMS]}
    if isinstance(value, list | tuple | set | frozenset):
        told = [fit_to_log(each) for each in list(value)[:MOST_ITEMS]]
        return told if len(value) <= MOST_ITEMS else [*told, f"{len(value) - MOST_ITEMS} more"]
    if value is None or isinstance(value, bool | int | float):
        return value
    return one_line(str(value))


def traceback_fit_to_log(text: str) -> str:
    """The end of a traceback, as separate lines."""
    return "\n".join(map(escaped, text[-MOST_TRACEBACK_BYTES:].replace("\t", "    ").split("\n")))
