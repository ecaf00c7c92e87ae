"""SQL that reads the feed, as a part of other statements.

No function of the database's: a function without its own search_path could be misused, and with a search_path the call
costs a fifth of a sign-up's reaction.
"""

from listener import sql

OWN = "(select pg_current_xact_id_if_assigned())"


def next_notes(consumer: str, most: str, *, not_ahead: bool = False) -> str:
    """The next notes of a consumer, one more than `most`, both SQL; `not_ahead` leaves out those that were handled
    ahead of their turn. For a subquery, without comments: those stand in `listener.unhandled`."""
    nothing_cut = "\n        and last_checkpoint.partial_xid is null"  # or each batch would walk past all that is ahead
    ahead = _not_ahead(consumer, nothing_cut) if not_ahead else {"straggler_is_left": "", "change_is_left": ""}
    notes = _rendered("notes_after", at_most=f"{most} + 1", left_out=OWN, **ahead)
    lines = _rendered("next_notes", consumer=consumer, most=most, notes_after=notes).splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--"))


def weighed_notes(consumer: str, most: str) -> str:
    """The next notes of a consumer, and which of them fit into a batch that weighs `most`, both SQL."""
    return _rendered("weighed_notes", most=most, next_notes=next_notes(consumer, most, not_ahead=True))


def notes_unhandled() -> str:
    """The notes after `last_checkpoint`, in `listener.unhandled`."""
    return _rendered("notes_after", at_most="at_most", left_out="left_out", **_not_ahead("consumer_name"))


def _not_ahead(consumer: str, condition: str = "") -> dict[str, str]:
    found = {}
    for alias in ("straggler", "change"):
        text = _rendered("not_ahead", consumer=consumer, transaction=f"{alias}.xid")
        found[f"{alias}_is_left"] = f"{condition}\n        {text}"
    return found


def _rendered(name: str, **values: str) -> str:
    lines = sql.read(f"feed/{name}").splitlines()
    first = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    return sql.render("\n".join(lines[first:]), values)
