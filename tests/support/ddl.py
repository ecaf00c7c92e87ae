"""Every kind of DDL that a migration may run, written for whatever tables and columns an LMS has."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from listener.sql import identifier, literal
from tests.support.catalogue import Column, LmsTable
from tests.support.lms_statements import COURSES, ENROLLMENTS, PROFILES, Lms

Outcome = Literal["served", "told", "either", "refused", "replaced"]
"""What becomes of sign-ups once the listener has looked: they are enrolled as before; or it says what is missing, and
which setting would help; or either, as the new types may be; or the LMS itself refuses them; or another table is
watched, with nothing in it."""


@dataclass(frozen=True)
class Kind:
    """Some DDL. Where all of it is refused, with the listener and without, nothing has changed."""

    name: str
    statements: tuple[str, ...]
    outcome: Outcome = "served"
    role: str = "lms_owner"


OTHER_TYPES = {
    "uuid": "text",
    "text": "varchar(200)",
    "varchar": "text",
    "bool": "text",
    "int2": "integer",
    "int4": "bigint",
    "int8": "numeric",
    "numeric": "double precision",
    "float8": "numeric",
    "timestamptz": "timestamp",
    "timestamp": "timestamptz",
}


def kinds(lms: Lms) -> list[Kind]:
    """All of them, for this LMS."""
    found: list[Kind] = []
    for part in lms.named:
        table = lms.original(part)
        for column in _mapped(lms, part):
            found += _of_column(lms, part, table, column)
        found += _of_table(lms, part, table)
        watched = part != PROFILES or lms.mapping.role_table is None
        found += _beside(part, table, watched=watched, taken_over=bool(lms.mapping.taken_over))
        found += _of_inheritance(part, table)
    found += _of_types(lms)
    found += _of_schemas(lms)
    found += _of_all(lms)
    return found


def followable(lms: Lms) -> list[Kind]:
    """DDL that can be run one after the other, each on what the one before has made, by the names it makes."""
    found = []
    for part in lms.named:
        table = lms.original(part)
        renamed = f"{identifier(table.schema)}.{identifier(table.name + ' of now')}"
        for column in _mapped(lms, part):
            rename = (
                f"alter table {table.quoted} rename column {column.quoted} to {identifier(column.name + ' of now')}"
            )
            found.append(Kind(f"{part}: rename column {column.name}", (rename,)))
        found.append(
            Kind(
                f"{part}: rename the table and move it",
                (
                    f"alter table {table.quoted} rename to {identifier(table.name + ' of now')}",
                    "create schema if not exists moved",
                    f"alter table {renamed} set schema moved",
                ),
            )
        )
    return found


def _mapped(lms: Lms, part: str) -> list[Column]:
    """The columns of a table that the mapping names."""
    mapping, table = lms.mapping, lms.original(part)
    plain = {
        PROFILES: (mapping.profile_key, *([] if mapping.role_table else [mapping.is_student])),
        ENROLLMENTS: (
            mapping.enrollment_profile,
            mapping.enrollment_course,
            mapping.enrollment_status,
            mapping.enrollment_date,
            mapping.is_active,
            *mapping.extra_values,
        ),
        COURSES: (mapping.course_key, mapping.course_price, mapping.is_available, mapping.course_order),
    }
    names = (
        *plain.get(part, (mapping.role_key, mapping.is_student)),
        *(mapping.count_columns if part == COURSES else ()),
    )
    if part == PROFILES:
        names = (*names, *mapping.extra_values.values())
    text = " ".join(name for name in names if name)
    return [
        column
        for column in table.columns
        if column.name in names or f'"{column.name}"' in text or f"{{row}}.{column.name}" in text
    ]


def _of_column(lms: Lms, part: str, table: LmsTable, column: Column) -> Iterator[Kind]:
    on, name = f"alter table {table.quoted}", f"{part}.{column.name}"
    old, new = column.quoted, identifier(f'{column.name} "of now')
    yield Kind(f"{name}: rename", (f"{on} rename column {old} to {new}",))
    yield Kind(
        f"{name}: drop",
        (f"{on} drop column {old}", f"{on} drop column if exists {old} cascade"),
        "served" if _can_be_done_without(lms, part, column) else "told",
    )
    yield Kind(
        f"{name}: another column takes its name",
        (f"{on} rename {old} to {new}", f"{on} add column {old} {column.type}"),
    )
    yield Kind(
        f"{name}: a copy takes its place",
        (
            f"{on} add column copied {column.type}",
            f"update {table.quoted} set copied = {old}",
            f"{on} drop column {old} cascade",
            f"{on} rename copied to {old}",
        ),
    )
    for other in table.columns:
        if other.attnum != column.attnum:
            yield Kind(
                f"{name}: swap names with {other.name}",
                (f"{on} rename {old} to x", f"{on} rename {other.quoted} to {old}", f"{on} rename x to {other.quoted}"),
            )
            break
    yield from _of_type(part, table, column)
    yield Kind(
        f"{name}: defaults, constraints and comments",
        (
            f"{on} rename {old} to x",
            f"{on} rename x to {old}",
            f"{on} alter column {old} drop default",
            f"{on} alter column {old} drop identity if exists",
            f"{on} alter column {old} add generated by default as identity",
            f"{on} alter column {old} drop expression if exists",
            f"{on} alter column {old} set not null",
            f"{on} alter column {old} drop not null",
            f"{on} alter column {old} set statistics 50",
            f"{on} alter column {old} set storage plain",
            f"comment on column {table.quoted}.{old} is 'of the LMS'",
        ),
        "refused" if any(column.name in value for value in lms.mapping.extra_values.values()) else "served",
    )
    yield Kind(
        f"{name}: generated columns, an index, a view and a policy of it, and rename",
        (
            f"{on} add column of_it boolean generated always as ({old} is null) stored",
            f"{on} add column virtually_of_it boolean generated always as ({old} is null) virtual",
            f"create index of_it_index on {table.quoted} ({old})",
            f"create view of_it as select {old} from {table.quoted}",
            f"create policy of_it on {table.quoted} using ({old} is not null)",
            f"{on} rename {old} to {new}",
            "drop view of_it",
        ),
    )


def _of_type(part: str, table: LmsTable, column: Column) -> Iterator[Kind]:
    on, old = f"alter table {table.quoted}", column.quoted
    has_own_type = bool(column.labels) or column.type_kind == "d"
    becomes = "text" if has_own_type else OTHER_TYPES.get(column.base)
    free = tuple(f"alter table {of} drop constraint {identifier(name)}" for of, name in table.foreign_keys)
    if becomes is not None:
        steps = (
            f"{on} alter column {old} drop default",
            f"{on} alter column {old} type {becomes} using {old}::text::{becomes}",
        )
        gone = (f"drop {'type' if column.labels else 'domain'} {column.type_name}",) if has_own_type else ()
        yield Kind(f"{part}.{column.name}: type {becomes}", (*steps, *free, *steps, *gone), "either")
    yield Kind(
        f"{part}.{column.name}: type jsonb",
        (
            *free,
            f"{on} alter column {old} drop default",
            f"{on} alter column {old} type jsonb using to_jsonb({old})",
        ),
        "either",
    )


def _can_be_done_without(lms: Lms, part: str, column: Column) -> bool:
    mapping = lms.mapping
    quoted = f'"{column.name}"'
    if part == COURSES:
        return (
            column.name not in (mapping.course_key, *mapping.count_columns)
            and quoted not in mapping.is_available
            and "course_order" not in mapping.settings
        )
    return part == ENROLLMENTS and column.name == mapping.enrollment_date and column.name not in mapping.extra_values


def _is_referred_to(lms: Lms, table: LmsTable) -> bool:
    """Whether enrollments refer to it, or the table of roles does."""
    return any(
        column.references is not None and column.references[0] == table.oid
        for part in lms.named
        for column in lms.original(part).columns
    )


def _of_table(lms: Lms, part: str, table: LmsTable) -> Iterator[Kind]:
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
        f"{part}: drop and create anew",
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
    yield Kind(f"{part}: owner", (f"{on} owner to lms_other",))
    yield Kind(f"{part}: a stranger becomes owner", (f"{on} owner to lms_stranger",), "told", role="postgres")


def _beside(part: str, table: LmsTable, *, watched: bool, taken_over: bool) -> Iterator[Kind]:
    """DDL that is none of the listener's business, and some that keeps it from its work. (Where triggers of the LMS's
    own are taken over, switching all on makes them enroll again, too.)"""
    on, column = f"alter table {table.quoted}", table.columns[0].quoted
    columns = ", ".join(f"{each.quoted} {each.type}" for each in table.columns)
    yield Kind(
        f"{part}: columns, indexes, constraints and whatever else is added",
        (
            f"{on} add column more text, add column most integer not null default 7",
            f"{on} add column number bigint generated always as identity",
            f"{on} add column sum integer generated always as (1 + 1) stored",
            f"{on} add column virtual_sum integer generated always as (1 + 1) virtual",
            f"{on} add column gone text",
            f"{on} drop column gone",
            f"{on} add column parent uuid",
            "create table parents (id uuid primary key)",
            f"{on} add constraint up foreign key (parent) references parents",
            f"{on} add constraint checked check (true) not valid",
            f"{on} validate constraint checked",
            f"{on} rename constraint checked to checked_now",
            f"{on} drop constraint checked_now",
            f"{on} add constraint more_is_unique unique (more)",
            f"create index first_index on {table.quoted} ({column})",
            "alter index first_index rename to second_index",
            f"cluster {table.quoted} using second_index",
            f"reindex table {table.quoted}",
            "drop index second_index",
            f"{on} replica identity full",
            f"{on} set (fillfactor = 50)",
            f"{on} reset (fillfactor)",
            f"{on} set unlogged",
            f"{on} set logged",
            f"{on} set tablespace pg_default",
            f"create table child () inherits ({table.quoted})",
            f"comment on table {table.quoted} is 'of the LMS'",
            f"create publication published for table {table.quoted} with (publish = 'insert')",
            f"create statistics correlated (dependencies) on more, most from {table.quoted}",
            f"analyze {table.quoted}",
            f"create view seen as select * from {table.quoted}",
            f"create materialized view stored as table {table.quoted}",
            f"lock table {table.quoted} in access exclusive mode",
            f"create table holds_rows (held {table.quoted})",
            "create function passes() returns trigger language plpgsql as 'begin return new; end'",
            f"create trigger passes before insert or update on {table.quoted} for each row execute function passes()",
            f"create rule more as on insert to {table.quoted} do also nothing",
        ),
    )
    yield Kind(f"{part}: of a type", (f"create type more as ({columns})", f"{on} of more", f"{on} not of"))
    if table.foreign_keys:
        yield Kind(
            f"{part}: foreign keys dropped",
            tuple(f"alter table {of} drop constraint {identifier(name)}" for of, name in table.foreign_keys),
        )
    yield Kind(
        f"{part}: rows are refused",
        (
            f"{on} add constraint more check ({column} is null) not valid",
            f"create rule more as on insert to {table.quoted} where false do instead nothing",
            f"revoke update on {table.quoted} from lms_app",
        ),
        "refused",
    )
    yield Kind(
        f"{part}: a trigger refuses",
        (
            "create function more() returns trigger language plpgsql as 'begin raise exception $$no$$; end'",
            f"create trigger more before insert on {table.quoted} for each row execute function more()",
        ),
        "refused",
    )
    off_and_on = (f"{on} disable trigger user", f"{on} enable trigger user")
    yield Kind(f"{part}: triggers off and on", off_and_on, "refused" if taken_over else "served")
    yield Kind(f"{part}: triggers off", (f"{on} disable trigger user",), "told" if watched else "served")
    yield Kind(
        f"{part}: row-level security",
        (f"{on} enable row level security", f"create policy everyone on {table.quoted} using (true)"),
    )
    yield Kind(f"{part}: row-level security that hides all", (f"{on} enable row level security",))
    yield Kind(
        f"{part}: row-level security that blinds the owner",
        (f"{on} enable row level security", f"{on} force row level security"),
        "told",
    )
    yield Kind(f"{part}: truncate", (f"truncate {table.quoted}", f"truncate {table.quoted} cascade"))


def _of_inheritance(part: str, table: LmsTable) -> Iterator[Kind]:
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


def _of_types(lms: Lms) -> Iterator[Kind]:
    for part in lms.named:
        table = lms.original(part)
        for column in table.columns:
            if column.type_kind not in "ed" or (column.labels and column not in _mapped(lms, part)):
                continue
            name, alter = (
                f"type of {part}.{column.name}",
                f"alter {'type' if column.labels else 'domain'} {column.type_name}",
            )
            on = f"alter table {table.quoted} alter column {column.quoted}"
            schema = f"{identifier(table.schema)}."
            yield Kind(f"{name}: rename", (f"{alter} rename to renamed_type",))
            yield Kind(f"{name}: move", ("create schema moved", f"{alter} set schema moved"))
            needed = column in _mapped(lms, part) and not _can_be_done_without(lms, part, column)
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
                f"{name}: made anew with more values",
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
                    f"{name}: made anew without value {ruled}",
                    (
                        f"{alter} rename to renamed_type",
                        f"create type {column.type_name} as enum ({rest}, 'something else')",
                        f"{on} drop default",
                        f"{on} type {column.type_name} using {replaced}::{column.type_name}",
                        f"drop type {schema}renamed_type",
                    ),
                    "told",
                )


def _of_schemas(lms: Lms) -> Iterator[Kind]:
    for schema in dict.fromkeys(table.schema for table in lms.named.values()):
        name = identifier(schema)
        yield Kind(f"schema {schema}: rename", (f"alter schema {name} rename to renamed_schema",))
        yield Kind(f"schema {schema}: drop", (f"drop schema {name}",))
        yield Kind(f"schema {schema}: drop cascade", (f"drop schema {name} cascade",), "told")
        yield Kind(
            f"schema {schema}: drop cascade and create anew",
            (f"drop schema {name} cascade", f"create schema {name}"),
            "told",
        )


def _of_all(lms: Lms) -> Iterator[Kind]:
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
