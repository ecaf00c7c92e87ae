"""Schemas in which other roles may create.

The LMS's own triggers could call objects there, with the rights of the tables' owner, when the listener writes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from listener import sql
from listener.database.connection import Connection
from listener.mapping.mapping import Mapping
from listener.sql import identifier

FURTHER = ("public", "extensions")
"""Usual schemas of tools and extensions: searched if no other role may create there."""


@dataclass(frozen=True)
class Opening:
    """Another role may create in a schema."""

    schema: str
    who: str
    is_owner: bool

    @property
    def mend(self) -> str:
        """The command that closes the schema."""
        schema = identifier(self.schema)
        if self.is_owner:
            return f"alter schema {schema} owner to the tables' owner"
        return f"revoke create on schema {schema} from {self.who}"

    def __str__(self) -> str:
        who = "everybody" if self.who == "public" else self.who
        return f"{who} may create in schema {self.schema}, where triggers on your tables look names up"


async def openings(connection: Connection, mapping: Mapping) -> list[Opening]:
    """Open schemas that the LMS's triggers search while the listener writes."""
    schemas = dict.fromkeys([*(table.schema for table in mapping.tables), *mapping.further_schemas])
    return await _look(connection, mapping, schemas)


async def further(connection: Connection, mapping: Mapping) -> tuple[str, ...]:
    """Schemas that are searched even without tables of the LMS's: tables may move."""
    open_ones = {each.schema for each in await _look(connection, mapping, FURTHER)}
    there = await connection.fetch(
        "select nspname::text as name from pg_catalog.pg_namespace where nspname::text = any ($1::text[])",
        list(FURTHER),
    )
    found = {row["name"] for row in there} - open_ones
    return tuple(name for name in FURTHER if name in found)


async def _look(connection: Connection, mapping: Mapping, schemas: Iterable[str]) -> list[Opening]:
    query = sql.read("catalogue/open_schemas")
    rows = await connection.fetch(query, list(schemas), str(mapping.enrollment_table))
    return [Opening(row["schema"], row["who"], row["is_owner"]) for row in rows]
