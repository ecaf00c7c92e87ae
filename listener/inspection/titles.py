"""What courses are called: beside their keys, for people."""

from collections.abc import Collection

import asyncpg

from listener import sql
from listener.database.connection import Connection
from listener.mapping.mapping import Mapping, column
from listener.row_text import over
from listener.sql import identifier
from listener.texts import one_line

COLUMNS = (
    "title", "name", "coursetitle", "coursename", "titulo", "nome", "nombre", "titre", "nom", "titel", "bezeichnung",
    "kursname", "titolo", "label", "displayname", "slug", "code",
)  # fmt: skip
"""Names without `_`, the likeliest first."""
MOST_BYTES = 60
MOST_MILLISECONDS = 1_000


async def titles(connection: Connection, mapping: Mapping, keys: Collection[str]) -> dict[str, str]:
    """Those that can be read, by the course's key. Within a transaction, a failure ends it."""
    if not keys:
        return {}
    table = mapping.course_table
    name = await connection.fetchval(sql.read("inspection/school", "title"), table.schema, table.name, list(COLUMNS))
    if name is None:
        return {}
    key = over(column(mapping.course_key), "course")
    rows = await connection.fetch(
        f"select {key}::text as id, course.{identifier(name)}::text as title from {table} as course"
        f" where {key} = any (select given::{mapping.course_key_type} from unnest($1::text[]) as given)",
        list(keys),
    )
    return {row["id"]: one_line(row["title"], MOST_BYTES) for row in rows if row["title"]}


async def titles_if_readable(connection: Connection, mapping: Mapping, keys: Collection[str]) -> dict[str, str]:
    """None of them if something stands in the way: a title is no more than a help."""
    try:
        async with connection.transaction(readonly=True):
            await connection.execute(f"set local statement_timeout = {MOST_MILLISECONDS}")
            return await titles(connection, mapping, keys)
    except asyncpg.PostgresError:
        return {}


def named(key: str, title: str | None) -> str:
    """The key, and the title if there is one."""
    return key if title is None else f"{key} ('{title}')"
