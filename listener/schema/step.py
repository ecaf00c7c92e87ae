"""Placeholders for constants and statements of the program that installed functions repeat."""

from collections.abc import Mapping

from listener import sql
from listener.database.connection import few_rows
from listener.feed.consumer import FEED
from listener.feed.reading import next_notes, notes_unhandled, weighed_notes
from listener.feed.registry import COUNT, ENROLL
from listener.sql import literal

MOST = "most"
FEW = f"least({MOST}, 64)"
"""Notes read by a small statement: each part of a statement is set up at each run."""


def values(parts: Mapping[str, str]) -> dict[str, str]:
    """Of files in `sql/schema/functions/`. `parts` are what other placeholders stand for."""
    return _few_notes(parts) | {
        "weighed_notes_of_enroll": weighed_notes(literal(ENROLL), MOST),
        "weighed_notes_of_count": weighed_notes(literal(COUNT), MOST),
        "notes_of_batch": weighed_notes("consumer_name", MOST),
        "notes_unhandled": notes_unhandled(),
        "whole_tables": _bare(sql.read("database/settings", "whole_tables"), "\n        "),
        "feed": sql.quoted(f"\n{_bare(sql.read('feed/batch'))}\n", "statement"),
        "feed_mark": literal(FEED),
        "few_rows": _bare(few_rows("local"), "\n    "),
    }


def _few_notes(parts: Mapping[str, str]) -> dict[str, str]:
    """The small statements: for notes in their turn, and for those that are fresh."""
    found: dict[str, str] = {}
    for name, for_larger in ((ENROLL, "note.route is not null or "), (COUNT, "")):
        in_order = f"bool_or({for_larger}num_nonnulls(note.partial_xid, note.first_ahead) > 0)"
        is_for_larger = f"coalesce({in_order} or sum(note.weight) > {FEW}, false)"
        few = {"notes": next_notes(literal(name), FEW), "is_for_larger": is_for_larger, "further": ""}
        fresh = {
            "notes": (
                "select fresh_note.*, null::xid8 as partial_xid, null::xid8 as first_ahead\n"
                f"            from listener.fresh({literal(name)}, looked::pg_snapshot, {MOST}) as fresh_note"
            ),
            "is_for_larger": "true",
            "further": ",\n        array(select distinct note.xid from note)",
        }
        text = sql.read("mapping/few_notes", name)
        found |= {f"few_notes_of_{name}": sql.render(text, {**parts, **few})}
        found |= {f"fresh_notes_of_{name}": sql.render(text, {**parts, **fresh})}
    return found


def _bare(text: str, between: str = "\n") -> str:
    """Without comments and empty lines, which stand in the program's own file."""
    return between.join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("--"))
