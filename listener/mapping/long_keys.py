"""Keys that may be too long for an index: text of any length.

Triggers on our tables leave out rows with such a key, so that no batch fails.
"""

from listener import sql
from listener.mapping.mapping import Mapping

LONGEST = 2_692
"""Bytes of a key, as stored, that a btree takes: an entry has 2,704 with the head."""
SURE = 2_600
"""Bytes of a key, or of two together, that always fit."""
SHORT_TYPES = frozenset({"uuid", "bigint", "integer", "smallint", "date", "oid"})
KEYS = {
    "pending_enrollment": ("profile_id",),
    "pending_count": ("course_id",),
    "course_count": ("course_id",),
    "made_enrollment": ("profile_id", "course_id"),
    "gone": ("profile_id",),
    "waiting": ("profile_id", "course_id"),
}
"""Our tables with an index over keys of the LMS's."""


def may_be_long(mapping: Mapping) -> bool:
    return not {mapping.profile_key_type, mapping.course_key_type} <= SHORT_TYPES


def values(mapping: Mapping) -> dict[str, str]:
    """Placeholders of `sql/schema/functions/long_keys.sql`."""
    types = {"profile_id": mapping.profile_key_type, "course_id": mapping.course_key_type}
    one = sql.read("mapping/long_key_trigger")
    triggers = [
        sql.render(
            one,
            {
                "table": table,
                "is_long": " + ".join(f"octet_length(new.{key}::text)" for key in keys) + f" > {SURE}",
            },
        )
        for table, keys in KEYS.items()
        if not {types[key] for key in keys} <= SHORT_TYPES
    ]
    return {"long_key_triggers": "\n".join(triggers)}
