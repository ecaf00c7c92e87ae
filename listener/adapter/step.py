"""What `listener.step()` is made of: the statements that the daemon runs, quoted into one function."""

from listener import sql
from listener.connection import few_rows
from listener.feed.consumer import FEED, statement
from listener.feed.leadership import APPLICATION_NAME
from listener.feed.registry import BUILT_IN, COUNT, ENROLL
from listener.locks import LEADER_LOCK, LOCK_CLASS
from listener.sql import literal


def values() -> dict[str, str]:
    """For the placeholders of `sql/adapter/install/step.sql`."""
    statements = {
        f"{name}_{manner}": statement(
            sql.read(f"reactions/{name}").replace("{{outcome}}", sql.read(f"reactions/{name}_{manner}"))
        )
        for name in (ENROLL, COUNT)
        for manner in ("together", "each")
    }
    for name, pending, key in (
        (ENROLL, "listener.pending_enrollment", "profile_id"),
        (COUNT, "listener.pending_count", "course_id"),
    ):
        not_tried = sql.render(sql.read("reactions/not_tried"), {"pending": pending, "key": key})
        statements[f"retry_{name}"] = sql.render(
            sql.read(f"reactions/retry_{name}"), {"not_tried": not_tried, "outcome": sql.read("reactions/enroll_each")}
        )
    statements |= {name: sql.read(f"feed/{name}") for name in ("purge", "purge_checkpoints")}
    statements["feed"] = sql.read("feed/batch_and_checkpoint")
    return {name: sql.quoted(f"\n{text}\n", "statement") for name, text in statements.items()} | {
        "feed_mark": literal(FEED),
        "few_rows": few_rows("local").replace("\n", "\n    "),
        "lock_class": str(LOCK_CLASS),
        "leader_lock": str(LEADER_LOCK),
        "application_name": literal(APPLICATION_NAME),
        "consumers": ", ".join(map(literal, BUILT_IN)),
    }
