"""The tables of a database, as its catalogue describes them."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from listener import sql
from listener.adapter.mapping import Table
from listener.connection import Connection

LITERAL = re.compile(r"'((?:[^']|'')*)'")
FAMILIES = {"smallint": "integer", "integer": "integer", "bigint": "integer"}
STRINGS = "S"
SAMPLE_ROWS = 5000
"""Rows that are read to see which values a free text column holds."""


@dataclass(frozen=True)
class Column:
    """One column. `type` is the type below any domain, qualified unless it is Postgres's own."""

    name: str
    type: str
    category: str
    not_null: bool
    default: str | None
    generated: bool
    labels: tuple[str, ...]
    checks: tuple[str, ...]

    @property
    def family(self) -> str:
        """Types of one family can be compared with each other through an index."""
        return "text" if self.category == STRINGS else FAMILIES.get(self.type, self.type)

    @property
    def ignores_case(self) -> bool:
        """Whether its own `=`, which comes with an extension, takes capitals and small letters for the same."""
        return self.type.endswith("citext")

    @property
    def is_boolean(self) -> bool:
        """Whether it holds true or false."""
        return self.type == "boolean"

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers."""
        return self.category == "N"

    @property
    def is_word(self) -> bool:
        """Whether it holds words: text of any length, or an enum."""
        return self.category == STRINGS or bool(self.labels)

    @property
    def is_time(self) -> bool:
        """Whether it holds dates or times."""
        return self.category == "D"

    @property
    def must_be_given(self) -> bool:
        """Whether an insert has to name it."""
        return self.not_null and self.default is None and not self.generated

    @cached_property
    def default_value(self) -> str | None:
        """The default, if it is a plain literal."""
        found = LITERAL.match(self.default or "")
        return found[1].replace("''", "'") if found else self.default if self.default in ("true", "false") else None

    @cached_property
    def allowed(self) -> tuple[str, ...]:
        """All values it may hold, if an enum or a check lists them."""
        if self.labels:
            return self.labels
        listed = [check for check in self.checks if "ANY" in check or " = '" in check]
        return tuple(dict.fromkeys(text.replace("''", "'") for check in listed for text in LITERAL.findall(check)))


@dataclass(frozen=True)
class ForeignKey:
    """A reference to another table. `on_delete` and `on_update` are the catalogue's letters: `c` cascades."""

    name: str
    columns: tuple[str, ...]
    table: Table
    referenced: tuple[str, ...]
    on_delete: str
    on_update: str
    validated: bool


@dataclass(frozen=True)
class Relation:
    """A table or a view."""

    table: Table
    kind: str
    rows: int
    columns: dict[str, Column]
    primary_key: tuple[str, ...]
    unique: tuple[frozenset[str], ...]
    indexes: tuple[tuple[str, ...], ...]
    foreign_keys: tuple[ForeignKey, ...]

    @property
    def is_table(self) -> bool:
        """Whether rows are kept in it."""
        return self.kind in ("r", "p")

    @property
    def partitioned(self) -> bool:
        """Whether its rows are kept in partitions."""
        return self.kind == "p"

    @property
    def key(self) -> Column | None:
        """The column of its primary key, if it is one."""
        return self.columns[self.primary_key[0]] if len(self.primary_key) == 1 else None

    def reference(self, column: str) -> tuple[Table, str] | None:
        """What a column refers to by a foreign key: (table, column)."""
        for foreign_key in sorted(self.foreign_keys, key=lambda key: len(key.columns)):
            for own, other in zip(foreign_key.columns, foreign_key.referenced, strict=True):
                if own == column:
                    return foreign_key.table, other
        return None

    def is_unique(self, *columns: str) -> bool:
        """Whether no two rows agree in these columns."""
        return any(unique <= set(columns) for unique in self.unique)

    def has_index_on(self, column: str) -> bool:
        """Whether an index begins with this column."""
        return any(index[:1] == (column,) for index in self.indexes)


def relation(row: Any) -> Relation:
    """One row of `catalogue/tables.sql`."""
    indexes = json.loads(row["indexes"])
    columns = [
        Column(**{**column, "labels": tuple(column["labels"]), "checks": tuple(column["checks"])})
        for column in json.loads(row["columns"])
    ]
    return Relation(
        table=Table(row["schema_name"], row["table_name"]),
        kind=row["kind"],
        rows=row["estimated_rows"],
        columns={column.name: column for column in columns},
        primary_key=tuple(next((index["columns"] for index in indexes if index["primary"]), ())),
        unique=tuple(frozenset(index["columns"]) for index in indexes if index["unique"]),
        indexes=tuple(tuple(index["columns"]) for index in indexes),
        foreign_keys=tuple(
            ForeignKey(
                name=key["name"],
                columns=tuple(key["columns"]),
                table=Table(key["schema"], key["table"]),
                referenced=tuple(key["referenced"]),
                on_delete=key["on_delete"],
                on_update=key["on_update"],
                validated=key["validated"],
            )
            for key in json.loads(row["foreign_keys"])
        ),
    )


class Catalogue:
    """All relations of one database, and the values that their columns hold."""

    def __init__(self, connection: Connection, relations: Iterable[Relation]) -> None:
        self._connection = connection
        self.relations = {relation.table: relation for relation in relations}

    @classmethod
    async def load(cls, connection: Connection) -> "Catalogue":
        """What is in the catalogue now."""
        async with connection.transaction():
            await connection.execute("set local search_path = ''")
            rows = await connection.fetch(sql.read("adapter/catalogue/tables"))
        return cls(connection, map(relation, rows))

    @property
    def tables(self) -> list[Relation]:
        """Those that keep rows."""
        return [relation for relation in self.relations.values() if relation.is_table]

    async def values(self, relation: Relation, column: Column) -> tuple[str, ...]:
        """Values that a column may hold or does hold: all, if the schema lists them; else its default, and those of a
        sample, the most common first."""
        if column.allowed:
            return column.allowed
        name, table = sql.identifier(column.name), relation.table
        sample = await self._connection.fetch(
            f"select value from (select {name}::text as value from {table} limit {SAMPLE_ROWS}) as sample"
            " where value is not null group by value order by count(*) desc, value limit 100"
        )
        common = await self._connection.fetch(
            sql.read("adapter/catalogue/values"), table.schema, table.name, column.name
        )
        seen = [row["value"] for row in (*sample, *common)]
        default = [] if column.default_value is None else [column.default_value]
        return tuple(dict.fromkeys([*default, *seen]))
