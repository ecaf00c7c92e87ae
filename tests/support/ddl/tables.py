"""DDL of the tables that the mapping names, and of what they are part of."""

from collections.abc import Iterator

from listener.sql import identifier
from tests.support.catalogue import LmsTable
from tests.support.ddl.kind import Kind
from tests.support.lms_statements import Lms


def _is_referred_to(lms: Lms, table: LmsTable) -> bool:
    """Whether enrollments refer to it, or the table of roles does."""
    return any(
        column.references is not None and column.references[0] == table.oid
        for part in lms.named
        for column in lms.original(part).columns
    )


def of_table(lms: Lms, part: str, table: LmsTable) -> Iterator[Kind]:
    on, new, schema = f"alter table {table.quoted}", identifier(table.name + ' "of now'), identifier(table.schema)
    renamed = f"{schema}.{new}"
    rename, like, plain = f"{on} rename to {new}", f"(like {table.quoted} including all)", table.kind == "r"
    yield Kind(f"{part}: rename", (rename,))
    yield Kind(f"{part}: move", ("create schema moved", f"{on} set schema moved"))
    yield Kind(f"{part}: rename and move", (rename, "create schema moved", f"alter table {renamed} set schema moved"))
    yield Kind(f"{part}: drop", (f"drop table {table.quoted}", f"drop table if exists {table.quoted} cascade"), "told")
    yield Kind(
        f"{part}: another table takes its name",
        (rename, f"create table {table.quoted} (like {renamed} including all)"),
        "served" if _is_referred_to(lms, table) else "replaced",
    )
    yield Kind(
        f"{part}: a copy takes its place",
        (
            f"create table {schema}.copied {like}",
            f"insert into {schema}.copied overriding system value select * from {table.quoted}",
            f"drop table {table.quoted} cascade",
            f"alter table {schema}.copied rename to {identifier(table.name)}",
        ),
        "served" if plain else "told",
    )
    bounds = "for values with (modulus 1, remainder 0)" if "HASH" in (table.partition_key or "") else "default"
    yield Kind(
        f"{part}: drop and create again",
        (
            "create schema keep",
            f"create table keep.kept {like}",
            f"drop table {table.quoted} cascade",
            f"create table {table.quoted} (like keep.kept including all)"
            + ("" if plain else f" partition by {table.partition_key}"),
            *(() if plain else (f"create table every_row partition of {table.quoted} {bounds}",)),
            "drop schema keep cascade",
        ),
    )
    by_first = f"partition by list ({table.columns[0].quoted})"
    partitioned = f"create table {table.quoted} (like {renamed} including defaults) {by_first}"
    yield Kind(
        f"{part}: becomes partitioned",
        (
            rename,
            partitioned,
            f"alter table {table.quoted} attach partition {renamed} default",
        ),
        "either",
    )
    yield Kind(f"{part}: owner", (f"{on} owner to lms_other",), "told")
    yield Kind(f"{part}: a stranger becomes owner", (f"{on} owner to lms_stranger",), "told", role="postgres")


def of_inheritance(part: str, table: LmsTable) -> Iterator[Kind]:
    on = f"alter table {table.quoted}"
    columns = ", ".join(f"{each.quoted} {each.type}" for each in table.columns)
    yield Kind(f"{part}: inherit", (f"create table parent ({columns})", f"{on} inherit parent"), "either")
    yield Kind(
        f"{part}: inherit no more",
        (f"create table parent ({columns})", f"{on} inherit parent", f"{on} no inherit parent"),
    )
    parent = f"create table parent ({columns}) partition by list ({table.columns[0].quoted})"
    attach = f"alter table parent attach partition {table.quoted} default"
    yield Kind(f"{part}: becomes a partition", (parent, attach), "either")
    yield Kind(
        f"{part}: becomes a partition and leaves",
        (parent, attach, f"alter table parent detach partition {table.quoted}"),
    )
    if table.kind != "p":
        return
    bounds = "for values with (modulus 4, remainder 2)" if "HASH" in (table.partition_key or "") else "default"
    yield Kind(f"{part}: new partition", (f"create table more partition of {table.quoted} {bounds}",))
    yield Kind(
        f"{part}: attach a partition with columns in another order",
        (
            "create table more (gone integer, "
            + ", ".join(f"{each.quoted} {each.type}{' not null' * each.not_null}" for each in reversed(table.columns))
            + ")",
            "alter table more drop column gone",
            f"{on} attach partition more {bounds}",
        ),
    )
    for ending in ("_0", "_low"):
        of_it = f"{identifier(table.schema)}.{identifier(table.name + ending)}"
        yield Kind(f"{part}: detach partition {ending}", (f"{on} detach partition {of_it}",), "refused")
        yield Kind(f"{part}: drop partition {ending}", (f"drop table {of_it}",), "refused")
        yield Kind(f"{part}: truncate partition {ending}", (f"truncate {of_it}",))
