"""Placeholders for constants and statements of the program that installed functions repeat."""

from listener import sql
from listener.database.connection import few_rows
from listener.feed.consumer import FEED
from listener.feed.reading import next_notes, notes_unhandled, weighed_notes
from listener.feed.registry import COUNT, ENROLL
from listener.sql import literal

FEW = "least(most, 64)"
"""Notes read by a small statement: each part of a statement is set up at each run."""


def values() -> dict[str, str]:
    """Of files in `sql/schema/functions/`."""
    return {
        "few_notes_of_enroll": next_notes(literal(ENROLL), FEW),
        "few_notes_of_count": next_notes(literal(COUNT), FEW),
        "weighed_notes_of_enroll": weighed_notes(literal(ENROLL), "most_in_turn"),
        "weighed_notes_of_count": weighed_notes(literal(COUNT), "most_in_turn"),
        "notes_of_batch": weighed_notes("consumer_name", "most"),
        "notes_unhandled": notes_unhandled(),
        "whole_tables": _bare(sql.read("database/settings", "whole_tables")),
        "feed": sql.quoted(f"\n{_bare(sql.read('feed/batch'))}\n", "statement"),
        "feed_mark": literal(FEED),
        "few_rows": _bare(few_rows("local")),
    }


def _bare(text: str) -> str:
    """Without comments and empty lines, which stand in the program's own file."""
    return "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("--"))
