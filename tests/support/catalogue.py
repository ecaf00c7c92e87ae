"""The tables of an LMS as the catalogue has them now, whatever a migration has made of them."""

from dataclasses import dataclass
from typing import Any

from listener.database.connection import Connection
from listener.sql import identifier
from tests.support.connecting import parsed

TABLES = r"""
select coalesce(json_agg(found), '[]')
from (
    select
        class.oid::bigint as oid,
        namespace.nspname as schema,
        class.relname as name,
        class.relkind::text as kind,
        class.relispartition as is_partition,
        pg_get_userbyid(class.relowner) as owner,
        pg_get_partkeydef(class.oid) as partition_key,
        (
            select coalesce(json_agg(json_build_object(
                'attnum', attribute.attnum,
                'name', attribute.attname,
                'type', format_type(attribute.atttypid, attribute.atttypmod),
                'base', base.typname,
                'category', base.typcategory::text,
                'type_name', type.oid::regtype::text,
                'type_kind', type.typtype::text,
                'labels', (
                    select json_agg(json_build_array(enum.oid::bigint, enum.enumlabel) order by enum.enumsortorder)
                    from pg_enum as enum where enum.enumtypid = base.oid
                ),
                'not_null', attribute.attnotnull,
                'filled', attribute.atthasdef or attribute.attidentity <> '',
                'generated', attribute.attgenerated <> '',
                'always', attribute.attidentity = 'a',
                'allowed', (
                    select json_agg(literal[1])
                    from pg_constraint as con
                    cross join regexp_matches(pg_get_constraintdef(con.oid), '''([^'']*)''', 'g') as literal
                    where
                        con.contype = 'c'
                        and (
                            (con.conrelid = class.oid and con.conkey = array[attribute.attnum])
                            or con.contypid = attribute.atttypid
                        )
                ),
                'references', (
                    select json_build_array(con.confrelid::bigint, con.confkey[1])
                    from pg_constraint as con
                    where con.conrelid = class.oid and con.contype = 'f' and con.conkey = array[attribute.attnum]
                    limit 1
                ),
                'unique', exists (
                    select from pg_index
                    where indrelid = class.oid and indisunique and indnkeyatts = 1 and indkey[0] = attribute.attnum
                )
            ) order by attribute.attnum), '[]')
            from pg_attribute as attribute
            inner join pg_type as type on type.oid = attribute.atttypid
            inner join pg_type as base
                on base.oid = case when type.typbasetype <> 0 then type.typbasetype else type.oid end
            where attribute.attrelid = class.oid and attribute.attnum > 0 and not attribute.attisdropped
        ) as columns,
        (
            select coalesce(json_agg(json_build_array(con.conrelid::regclass::text, con.conname)), '[]')
            from pg_constraint as con
            where con.contype = 'f' and con.conparentid = 0 and class.oid in (con.conrelid, con.confrelid)
        ) as foreign_keys
    from pg_class as class
    inner join pg_namespace as namespace on namespace.oid = class.relnamespace
    where
        class.relkind in ('r', 'p')
        and namespace.nspname not in ('information_schema', 'listener')
        and namespace.nspname not like 'pg\_%'
    order by class.oid
) as found
"""


@dataclass(frozen=True)
class Column:
    """A column, as it is now."""

    attnum: int
    name: str
    type: str
    base: str
    category: str
    type_name: str
    type_kind: str
    labels: tuple[tuple[int, str], ...]
    not_null: bool
    filled: bool
    generated: bool
    always: bool
    allowed: tuple[str, ...]
    references: tuple[int, int] | None
    unique: bool

    @property
    def quoted(self) -> str:
        """Its name in SQL."""
        return identifier(self.name)


@dataclass(frozen=True)
class LmsTable:
    """A table, as it is now."""

    oid: int
    schema: str
    name: str
    kind: str
    is_partition: bool
    owner: str
    partition_key: str | None
    columns: tuple[Column, ...]
    foreign_keys: tuple[tuple[str, str], ...]

    @property
    def quoted(self) -> str:
        """Its name in SQL."""
        return f"{identifier(self.schema)}.{identifier(self.name)}"

    def by_number(self, attnum: int) -> Column | None:
        """The column of that number."""
        return next((column for column in self.columns if column.attnum == attnum), None)

    def by_name(self, name: str) -> Column | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


async def tables(connection: Connection) -> tuple[LmsTable, ...]:
    """All tables, but for those of schema `listener`."""
    rows: list[dict[str, Any]] = parsed(await connection.fetchval(TABLES))
    return tuple(
        LmsTable(
            **row
            | {
                "columns": tuple(_column(column) for column in row["columns"]),
                "foreign_keys": tuple((table, name) for table, name in row["foreign_keys"]),
            }
        )
        for row in rows
    )


def _column(row: dict[str, Any]) -> Column:
    return Column(
        **row
        | {
            "labels": tuple((oid, label) for oid, label in row["labels"] or ()),
            "allowed": tuple(row["allowed"] or ()),
            "references": None if row["references"] is None else tuple(row["references"]),
        }
    )
