"""The enrollments' table: present keys and indexes, and taken names."""

from dataclasses import dataclass
from typing import Any

from listener import sql
from listener.catalogue.catalogue import Catalogue, Relation
from listener.database.connection import Connection
from listener.database.rows import only_row
from listener.mapping.mapping import Mapping

NAME_BYTES = 63


@dataclass(frozen=True)
class Key:
    """Properties of a foreign key that a repair must keep, beside the rules."""

    deferrable: bool = False
    deferred: bool = False
    match_full: bool = False
    enforced: bool = True
    comment: str | None = None


@dataclass(frozen=True)
class Keys:
    """The enrollments' table, and the mapping."""

    catalogue: Catalogue
    mapping: Mapping
    taken_names: frozenset[str]
    invalid_indexes: frozenset[str]
    pair_decided: bool
    partition_key: frozenset[str]
    details: dict[str, Key]

    @property
    def relation(self) -> Relation:
        return self.catalogue.relations[self.mapping.enrollment_table]

    def free_name(self, middle: str, end: str) -> str:
        """A free name, formed in Postgres's way."""
        stem = f"{self.relation.table.name}_{middle}"
        for number in ("", *map(str, range(1, 1000))):
            ending = f"_{end}{number}"
            name = cut(stem, NAME_BYTES - len(ending)) + ending
            if name not in self.taken_names or name in self.invalid_indexes:
                return name
        raise AssertionError(stem)


def cut(name: str, size: int) -> str:
    """As much of a name as fits into so many bytes."""
    return name.encode()[:size].decode(errors="ignore")


async def look(connection: Connection, mapping: Mapping) -> Keys:
    table = mapping.enrollment_table
    row = await only_row(
        connection,
        sql.read("catalogue/enrollment_keys"),
        table.schema,
        table.name,
        [mapping.enrollment_profile, mapping.enrollment_course],
    )
    details: dict[str, Any] = row["foreign_keys"]
    return Keys(
        catalogue=await Catalogue.load(connection),
        mapping=mapping,
        taken_names=frozenset(row["taken_names"]),
        invalid_indexes=frozenset(row["invalid_indexes"]),
        pair_decided=row["pair_decided"],
        partition_key=frozenset(row["partition_key"]),
        details={name: Key(**values) for name, values in details.items()},
    )
