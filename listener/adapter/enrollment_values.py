"""What a new enrollment holds beside its profile, its course and its status."""

import re

from listener.adapter import expressions
from listener.adapter.catalogue import Relation
from listener.adapter.mapping import Table
from listener.adapter.rules import find_column
from listener.connection import Connection
from listener.errors import Undecided, WrongSetting

MADE_KEYS = ("uuid", "text")
MADE_KEY = re.compile(r"\(*(pg_catalog\.)?gen_random_uuid\(\)\)*(::text)?\)*")
"""What a key of these types gets that has no default, and how Postgres writes it."""


async def values_of(
    connection: Connection, relation: Relation, profiles: Table, usual: set[str | None], text: str | None
) -> dict[str, str]:
    """What the other columns of a new enrollment get, canonical. Raises Undecided, WrongSetting."""
    wanted: dict[str, str] = {}
    for part in filter(str.strip, (text or "").split(";")):
        name, equals, expression = part.partition("=")
        if not equals or not expression.strip():
            raise WrongSetting(name="LISTENER_ENROLLMENT_VALUES", problem=f"{part.strip()!r} is not column=expression")
        found = find_column(relation, name, "enrollment_values")
        if found.generated or found.name in usual:
            raise WrongSetting(name="LISTENER_ENROLLMENT_VALUES", problem=f"{found.name} cannot be set")
        if MADE_KEY.fullmatch(expression.strip()) and found.family not in MADE_KEYS:
            continue  # it was made up once, for a key of another type
        wanted[found.name] = expression.strip()
    missing = []
    for each in relation.columns.values():
        if not each.must_be_given or each.name in usual or each.name in wanted:
            continue
        if each.is_time:
            wanted[each.name] = "now()"
        elif each == relation.key and relation.reference(each.name) is None and each.family in MADE_KEYS:
            wanted[each.name] = "gen_random_uuid()" + ("::text" if each.family == "text" else "")
        else:
            missing.append(each.name)
    if missing:
        raise Undecided(
            what=f"what to put into {relation.table.label} ({', '.join(missing)})",
            reason="these columns need a value and have no default",
            setting="LISTENER_ENROLLMENT_VALUES='" + "; ".join(f"{name}=…" for name in missing) + "'",
        )
    return {
        name: await expressions.value(
            connection, profiles, name, relation.columns[name].type, expression, "LISTENER_ENROLLMENT_VALUES"
        )
        for name, expression in wanted.items()
    }
