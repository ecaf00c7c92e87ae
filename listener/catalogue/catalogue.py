"""The tables of a database, from its catalogue."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from listener import sql
from listener.database.connection import Connection
from listener.database.rows import only_row
from listener.mapping.mapping import Table

LITERAL = re.compile(r"'((?:[^']|'')*)'")
FAMILIES = {"smallint": "integer", "integer": "integer", "bigint": "integer"}
STRINGS = "S"
SAMPLE_ROWS = 5000
"""Rows read to learn the values of a free text column."""


@dataclass(frozen=True)
class Column:
    """A column. `type` is the type below any domain, qualified unless it is Postgres's own."""

    name: str
    type: str
    category: str
    not_null: bool
    default: str | None
    generated: bool
    virtual: bool
    """Whether a read computes the value (Postgres 18): triggers do not get the value."""
    labels: tuple[str, ...]
    checks: tuple[str, ...]
    comment: str = ""
    expression: str = ""
    """From which it is computed."""

    @property
    def family(self) -> str:
        """Types of the same family can be compared through an index."""
        return "text" if self.category == STRINGS else FAMILIES.get(self.type, self.type)

    @property
    def ignores_case(self) -> bool:
        """Whether the type's `=`, from an extension, ignores case."""
        return self.type.endswith("citext")

    @property
    def is_boolean(self) -> bool:
        return self.type == "boolean"

    @property
    def is_number(self) -> bool:
        return self.category == "N"

    @property
    def is_word(self) -> bool:
        """Whether the column holds words: text, or an enum."""
        return self.category == STRINGS or bool(self.labels)

    @property
    def is_time(self) -> bool:
        return self.category == "D"

    @property
    def must_be_given(self) -> bool:
        """Whether an insert has to name the column."""
        return self.not_null and self.default is None and not self.generated

    @cached_property
    def default_value(self) -> str | None:
        """The default, if a plain literal."""
        found = LITERAL.match(self.default or "")
        return found[1].replace("''", "'") if found else self.default if self.default in ("true", "false") else None

    @cached_property
    def allowed(self) -> tuple[str, ...]:
        """All values that an enum or a check allows; empty if neither lists values."""
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
    table: Table
    kind: str
    rows: int
    columns: dict[str, Column]
    primary_key: tuple[str, ...]
    unique: tuple[frozenset[str], ...]
    indexes: tuple[tuple[str, ...], ...]
    foreign_keys: tuple[ForeignKey, ...]
    owner: str = ""
    is_ours: bool = True
    """Whether the connection's role owns the relation, or may act as the owner."""
    by_superuser: bool = False
    """Whether a superuser owns the relation."""
    hides: bool = False
    """Whether row-level security would hide rows from the connection's role, and run policies with the role's
    rights."""

    heirs: tuple[str, ...] = ()
    """Tables that inherit from it. (Partitions do not count.)"""

    @property
    def is_table(self) -> bool:
        return self.kind in ("r", "p")

    @property
    def partitioned(self) -> bool:
        return self.kind == "p"

    @property
    def key(self) -> Column | None:
        """The column of the primary key, if the key has a single column."""
        return self.columns[self.primary_key[0]] if len(self.primary_key) == 1 else None

    def reference(self, column: str) -> tuple[Table, str] | None:
        """(table, column) that a foreign key of `column` refers to."""
        for foreign_key in sorted(self.foreign_keys, key=lambda key: len(key.columns)):
            for own, other in zip(foreign_key.columns, foreign_key.referenced, strict=True):
                if own == column:
                    return foreign_key.table, other
        return None

    def is_unique(self, *columns: str) -> bool:
        return any(unique <= set(columns) for unique in self.unique)

    def has_index_on(self, column: str) -> bool:
        """Whether an index begins with `column`."""
        return any(index[:1] == (column,) for index in self.indexes)


def relation(row: Any) -> Relation:
    """From a row of `catalogue/tables.sql`."""
    indexes = row["indexes"]
    columns = [
        Column(**{**column, "labels": tuple(column["labels"]), "checks": tuple(column["checks"])})
        for column in row["columns"]
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
            for key in row["foreign_keys"]
        ),
        owner=row["owner"],
        is_ours=row["is_ours"],
        by_superuser=row["by_superuser"],
        hides=row["hides"],
        heirs=tuple(row["heirs"]),
    )


@dataclass(frozen=True)
class Role:
    """The connection's role."""

    name: str
    is_superuser: bool


NOBODY = Role("", is_superuser=False)


@dataclass(frozen=True)
class Catalogue:
    """All relations of a database, and the columns' values."""

    connection: Connection
    relations: dict[Table, Relation]
    role: Role = NOBODY
    owners: frozenset[str] | None = None
    """Owners of the candidate tables; None: all owners."""
    named: frozenset[Table] = frozenset()
    """Further tables whose values may be read."""

    @classmethod
    async def load(cls, connection: Connection) -> "Catalogue":
        async with connection.transaction():
            await connection.execute("set local search_path = ''")
            relations = map(relation, await connection.fetch(sql.read("catalogue/tables", "tables")))
            role = await only_row(connection, sql.read("catalogue/tables", "role"))
        return cls(connection, {each.table: each for each in relations}, Role(role["name"], role["is_superuser"]))

    def owned_by(self, owners: Iterable[str]) -> "Catalogue":
        """The same catalogue with the tables of `owners` as candidates."""
        return replace(self, owners=frozenset(owners))

    def naming(self, table: Table) -> "Catalogue":
        """The same catalogue, with leave to read values of `table`, too."""
        return replace(self, named=self.named | {table})

    def is_looked_at(self, relation: Relation) -> bool:
        """Whether the relation is a candidate."""
        return self.owners is None or relation.owner in self.owners

    @property
    def tables(self) -> list[Relation]:
        return [relation for relation in self.relations.values() if relation.is_table]

    async def values(self, relation: Relation, column: Column) -> tuple[str, ...]:
        """Values that a column may hold: all, if the schema lists values; else the default, and values from a sample,
        the most common first."""
        if column.allowed:
            return column.allowed
        name, table = sql.identifier(column.name), relation.table
        sample = []
        is_open = self.is_looked_at(relation) or table in self.named
        if relation.is_table and is_open and not relation.hides:
            sample = await self.connection.fetch(
                f"select value from (select {name}::text as value from {table} limit {SAMPLE_ROWS}) as sample"
                " where value is not null group by value order by count(*) desc, value limit 100"
            )
        common = await self.connection.fetch(
            sql.read("catalogue/tables", "values"), table.schema, table.name, column.name
        )
        seen = [row["value"] for row in (*sample, *common)]
        default = [] if column.default_value is None else [column.default_value]
        return tuple(dict.fromkeys([*default, *seen]))
