"""What courses are called, where nothing need be installed: asked of the tables themselves."""

from collections.abc import Collection

from listener.database.connection import Connection
from listener.instruments.titles import fit
from listener.mapping.mapping import Mapping, column
from listener.mapping.titles import title_column
from listener.row_text import over
from listener.sql import identifier


async def titles(connection: Connection, mapping: Mapping, keys: Collection[str]) -> dict[str, str]:
    """Those that can be read, by the course's key. Within a transaction, a failure ends it."""
    if not keys:
        return {}
    table = mapping.course_table
    name = await connection.fetchval(title_column("pg_catalog.to_regclass($1)"), str(table))
    if name is None:
        return {}
    key = over(column(mapping.course_key), "course")
    rows = await connection.fetch(
        f"select {key}::text as id, left(course.{identifier(name)}::text, 200) as title from {table} as course"
        f" where {key} = any (select given::{mapping.course_key_type} from unnest($1::text[]) as given)",
        list(keys),
    )
    return fit({row["id"]: row["title"] for row in rows})
