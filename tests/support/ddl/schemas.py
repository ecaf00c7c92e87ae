"""DDL of what is in a schema: its types, the schema itself, all tables at once."""

from collections.abc import Iterator

from listener.sql import identifier, literal
from tests.support.ddl.columns import can_be_done_without, mapped
from tests.support.ddl.kind import Kind
from tests.support.lms_statements import ENROLLMENTS, PROFILES, Lms


def of_types(lms: Lms) -> Iterator[Kind]:
    for part in lms.named:
        table = lms.original(part)
        for column in table.columns:
            if column.type_kind not in "ed" or (column.labels and column not in mapped(lms, part)):
                continue
            name, alter = (
                f"type of {part}.{column.name}",
                f"alter {'type' if column.labels else 'domain'} {column.type_name}",
            )
            on = f"alter table {table.quoted} alter column {column.quoted}"
            schema = f"{identifier(table.schema)}."
            yield Kind(f"{name}: rename", (f"{alter} rename to renamed_type",))
            yield Kind(f"{name}: move", ("create schema moved", f"{alter} set schema moved"))
            needed = column in mapped(lms, part) and not can_be_done_without(lms, part, column)
            yield Kind(
                f"{name}: drop cascade",
                (f"drop type {column.type_name} cascade",),
                "told" if needed else "either",
            )
            if not column.labels:
                yield Kind(f"{name}: constraint", (f"{alter} add constraint more check (value <> 'more')",))
                continue
            yield Kind(f"{name}: add a value", (f"{alter} add value 'more'",))
            for _, label in column.labels:
                yield Kind(f"{name}: rename value {label}", (f"{alter} rename value {literal(label)} to 'it''s new'",))
            labels = ", ".join(literal(label) for _, label in column.labels)
            yield Kind(
                f"{name}: made again with more values",
                (
                    f"{alter} rename to renamed_type",
                    f"create type {column.type_name} as enum ({labels}, 'more')",
                    f"{on} drop default",
                    f"{on} type {column.type_name} using {column.quoted}::text::{column.type_name}",
                    f"drop type {schema}renamed_type",
                ),
            )
            ruled = lms.values.get((part, column.name), (None, None))[0]
            if ruled is not None:
                rest = ", ".join(literal(label) for _, label in column.labels if label != ruled)
                replaced = f"replace({column.quoted}::text, {literal(ruled)}, 'something else')"
                yield Kind(
                    f"{name}: made again without value {ruled}",
                    (
                        f"{alter} rename to renamed_type",
                        f"create type {column.type_name} as enum ({rest}, 'something else')",
                        f"{on} drop default",
                        f"{on} type {column.type_name} using {replaced}::{column.type_name}",
                        f"drop type {schema}renamed_type",
                    ),
                    "told",
                )


def of_schemas(lms: Lms) -> Iterator[Kind]:
    for schema in dict.fromkeys(table.schema for table in lms.named.values()):
        name = identifier(schema)
        yield Kind(f"schema {schema}: rename", (f"alter schema {name} rename to renamed_schema",))
        yield Kind(f"schema {schema}: drop", (f"drop schema {name}",))
        yield Kind(f"schema {schema}: drop cascade", (f"drop schema {name} cascade",), "told")
        yield Kind(
            f"schema {schema}: drop cascade and create again",
            (f"drop schema {name} cascade", f"create schema {name}"),
            "told",
        )


def of_all(lms: Lms) -> Iterator[Kind]:
    tables = [lms.original(part) for part in lms.named]
    names = ", ".join(table.quoted for table in tables)
    yield Kind("all tables: drop", (f"drop table {names}",), "told")
    yield Kind("all tables: drop cascade", (f"drop table {names} cascade",), "told")
    yield Kind("all tables: truncate", (f"truncate {names} cascade",))
    yield Kind("all tables: truncate and restart", (f"truncate {names} restart identity cascade",))
    yield Kind(
        "all tables: rename",
        tuple(f"alter table {each.quoted} rename to {identifier('v2_' + each.name)}" for each in tables),
    )
    yield Kind(
        "all columns: rename",
        tuple(
            f"alter table {lms.original(part).quoted} rename {each.quoted} to {identifier('v2_' + each.name)}"
            for part in lms.named
            for each in lms.original(part).columns
        ),
    )
    profiles, enrollments = lms.original(PROFILES), lms.original(ENROLLMENTS)
    yield Kind(
        "profiles and enrollments: swap names",
        (
            f"alter table {profiles.quoted} rename to x",
            f"alter table {enrollments.quoted} rename to {identifier(profiles.name)}",
            f"alter table {identifier(profiles.schema)}.x rename to {identifier(enrollments.name)}",
        )
        if profiles.schema == enrollments.schema
        else (),
    )
