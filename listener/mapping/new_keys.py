"""What is kept of a profile or a course goes along when it gets another key: nothing of ours refers to it."""

from listener import sql
from listener.mapping.mapping import Mapping

KEPT_IN = ("made_enrollment", "pending_enrollment", "waiting")
"""Tables of ours with a profile and a course in each row."""
ALONE = ("history",)
"""The same, where rows of an earlier owner of the key stay."""


def values(mapping: Mapping) -> dict[str, str]:
    """Placeholders of `sql/schema/functions/new_keys.sql`."""
    types = {"profile": mapping.profile_key_type, "course": mapping.course_key_type}
    return {f"follow_{whose}": _function(whose, its_key_type) for whose, its_key_type in types.items()}


def _function(whose: str, its_key_type: str) -> str:
    values = {"whose": whose, "its_key_type": its_key_type}
    texts = []
    for table in (*KEPT_IN, *ALONE):
        of_it = values | {"kept_in": table}
        text = _part("of_table_alone", of_it)
        texts.append(text if table in ALONE else _part("of_table", of_it | {"follow_alone": text}))
    return _part("function", values | {"follow_each": "\n    ".join(texts)})


def _part(name: str, values: dict[str, str]) -> str:
    return sql.render(sql.read("mapping/new_keys", name), values)
