"""Finds parts of a rule that differ from session to session, or stand still from the day of `install`."""

import re
from collections.abc import Sequence

CLOCK = re.compile(r"\{SQLVALUEFUNCTION :op [0-8] ")
"""current_date, and other ways to tell the time without a function call."""
ROLE = re.compile(r"\{SQLVALUEFUNCTION :op (?:9|1[0-4]) ")
"""current_user, session_user, current_schema and the like."""
SAMPLE = re.compile(r"\{TABLESAMPLECLAUSE ")
SYSTEM_COLUMN = re.compile(r"\{VAR :varno -?\d+ :varattno -")
"""ctid, xmin, tableoid: an update changes these though it writes the same row."""
MOMENT = re.compile(r"\{CONST :consttype (?:1082|1083|1114|1184|1266) ")
"""A constant that is a date or a time: `'today'` is already a constant in the parse tree."""
WORD_FOR_MOMENT = re.compile(r"'\s*(?P<word>now|today|tomorrow|yesterday)\b[^']*'", re.IGNORECASE)
TIMES = {"now": "now()", "today": "current_date", "tomorrow": "current_date + 1", "yesterday": "current_date - 1"}


def problem(text: str, trees: str, of_session: Sequence[str]) -> str | None:
    """The part of the query that depends on the session, with a fix; or None. `of_session`: functions that depend on
    the session."""
    if of_session:
        return (
            f"calls {of_session[0]}, whose answer depends on the session or the server, not on rows: write the "
            "value itself, or keep it in a table"
        )
    if ROLE.search(trees):
        return (
            "asks for the session's role, schema or database (current_user and the like), and the daemon's is another "
            "one: write the name itself, as text"
        )
    if SAMPLE.search(trees):
        return "picks rows at random (TABLESAMPLE): pick them by a condition on their columns"
    if SYSTEM_COLUMN.search(trees):
        return "reads a system column (ctid, xmin, tableoid and the like), which changes unseen: read a column of yours"
    word = WORD_FOR_MOMENT.search(text)
    if word is not None and MOMENT.search(trees):
        return f"says {word[0]}, which would stay the day of this installation: write {TIMES[word['word'].lower()]}"
    return None


def tells_the_time(text: str, trees: str) -> bool:
    """Whether the answer changes with the time, besides by functions that are called."""
    return CLOCK.search(trees) is not None or (WORD_FOR_MOMENT.search(text) is not None and "::" in text)
