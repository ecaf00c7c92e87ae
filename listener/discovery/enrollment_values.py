"""Values of a new enrollment beside profile, course and status."""

import re

from listener.catalogue import expressions
from listener.catalogue.catalogue import Relation
from listener.catalogue.columns import find_column
from listener.database.connection import Connection
from listener.errors import Undecided, WrongSetting
from listener.mapping.lists import assignments
from listener.mapping.mapping import Table

MADE_KEYS = ("uuid", "text")
MADE_KEY = re.compile(r"\(*(pg_catalog\.)?gen_random_uuid\(\)\)*(::text)?\)*")
"""The value for a key of these types without a default, as Postgres writes it."""


async def values_of(
    connection: Connection, relation: Relation, profiles: Table, usual: set[str | None], text: str | None
) -> dict[str, str]:
    """Expressions for the other columns, in canonical form. Raises Undecided, WrongSetting."""
    wanted: dict[str, str] = {}
    for part, name, expression in assignments(text or ""):
        if not expression:
            raise WrongSetting(name="LISTENER_ENROLLMENT_VALUES", problem=f"{part!r} is not column=expression")
        found = find_column(relation, name, "enrollment_values")
        if found.generated or found.name in usual:
            raise WrongSetting(name="LISTENER_ENROLLMENT_VALUES", problem=f"{found.name} cannot be set")
        if MADE_KEY.fullmatch(expression) and found.family not in MADE_KEYS:
            continue  # it was made up once, for a key of another type
        wanted[found.name] = expression
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
