"""The query that says who should be where (LISTENER_WANTED_QUERY): what it is, what it reads, and how a change there
leads to profiles."""

import re
from dataclasses import dataclass, replace

import asyncpg

from listener import sql
from listener.adapter import expressions
from listener.adapter.catalogue import Catalogue, Column
from listener.adapter.mapping import Route, Table, Watched
from listener.adapter.routing import Place, References, Routing
from listener.connection import Connection
from listener.errors import NotRouted, WrongSetting

SETTING = "LISTENER_WANTED_QUERY"
WATCH = "LISTENER_WATCH"
EVERYONE, AUDIT = "everyone", "audit"
COLUMNS = 2

CALLED = re.compile(r":(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)")
CLOCK = re.compile(r"\{SQLVALUEFUNCTION :op [0-8] ")
"""current_date, and what else tells the time without being called as a function."""
RELATION = re.compile(r":relid (\d+)")
WHOLE_ROW = re.compile(r"\{VAR :varno -?\d+ :varattno 0 ")
LOCKS = re.compile(r":rowMarks [^<]|:hasForUpdate true")
GIVEN = re.compile(r"\s*([^()\s]+)\s*\(\s*([^()=\s]+)\s*(?:=\s*([^()=\s]+)\s*)?\)\s*")


@dataclass(frozen=True)
class Read:
    """A table that the query reads, with the columns that it reads of it."""

    table: Table
    columns: tuple[str, ...]
    watchable: bool
    """Whether triggers on it see every change."""


@dataclass(frozen=True)
class WantedQuery:
    """A query that Postgres has understood."""

    text: str
    """As Postgres writes it, its names qualified."""
    reads: tuple[Read, ...]
    opaque: tuple[str, ...]
    """Functions that may read tables that are not seen."""
    depends_on_time: bool


async def understand(connection: Connection, text: str, profile: Column, course: Column) -> WantedQuery:
    """What a query of (profile, course) is, and reads. Raises WrongSetting if it is none, or may not be run."""
    async with expressions.undone(connection):
        await _make_view(connection, text)
        await connection.execute("set local search_path = ''")
        shape = await connection.fetchrow(sql.read("adapter/catalogue/view_columns"))
        trees = "".join(row["tree"] for row in await connection.fetch(_text("query_trees")))
        relations = sorted({int(number) for number in RELATION.findall(trees)})
        foreign = await connection.fetchval(sql.read("adapter/catalogue/not_of_the_lms"), relations)
        reads = await connection.fetch(_text("query_reads"), WHOLE_ROW.search(trees) is not None)
        called = sorted({int(number) for number in CALLED.findall(trees)})
        functions = await connection.fetch(sql.read("adapter/catalogue/functions_called"), called)
    assert shape is not None
    _check_columns(text, shape["types"], profile, course)
    changing = [each["name"] for each in functions if each["is_volatile"]]
    if changing:
        raise _wrong(text, f"calls {changing[0]}, which is volatile: it may answer something else each time, or write")
    if LOCKS.search(trees):
        raise _wrong(text, "locks rows (FOR UPDATE or FOR SHARE)")
    if foreign is not None:
        raise _wrong(text, f"reads {foreign}, which is no table of the LMS's")
    ours = [each["name"] for each in functions if each["name"].startswith("listener.")]
    if ours:
        raise _wrong(text, f"calls {ours[0]}, which is no function of the LMS's")
    definition: str = shape["definition"]
    return WantedQuery(
        definition.strip().rstrip(";"),
        tuple(
            Read(
                Table(row["schema_name"], row["table_name"]),
                tuple(row["columns"]),
                row["kind"] == "p" or (row["kind"] == "r" and not row["has_children"] and not row["is_partition"]),
            )
            for row in reads
        ),
        tuple(each["name"] for each in functions if each["may_read"]),
        CLOCK.search(trees) is not None or any(each["tells_the_time"] for each in functions),
    )


def _text(name: str) -> str:
    """What is asked of the query that was given to try, and of the views that it reads."""
    read_view = sql.read("adapter/catalogue/read_view")
    return sql.render(sql.read(f"adapter/catalogue/{name}"), {"read_view": read_view})


async def _make_view(connection: Connection, text: str) -> None:
    statement = f"create temporary view listener_expression (profile_id, course_id) as {text}"
    try:
        columns = len((await connection.prepare(text)).get_attributes())
        if columns not in (0, COLUMNS):
            raise _wrong(text, f"must have two columns, the keys of a profile and of a course, not {columns}")
        await connection.fetch(statement)
    except asyncpg.InsufficientPrivilegeError as error:
        raise expressions.may_not(await connection.fetchval("select session_user"), SETTING, error) from error
    except asyncpg.PostgresError as error:
        raise expressions.not_understood(text, SETTING, error) from error


def _check_columns(text: str, types: list[str], profile: Column, course: Column) -> None:
    for kind, key, what in zip(types, (profile, course), ("profile", "course"), strict=True):
        plain = re.sub(r"\(.*\)", "", kind)
        found = replace(key, type=plain, category="S" if plain in ("text", "character varying", "character") else "")
        if plain != key.type and found.family != key.family:
            raise _wrong(text, f"must have the key of a {what}, of type {key.type}, not {kind}")


@dataclass(frozen=True)
class Told:
    """What LISTENER_WATCH says of one table, or of a function."""

    name: str
    column: str
    to: str | None


def watch(
    query: WantedQuery,
    catalogue: Catalogue,
    known: list[tuple[Place, Place]],
    profile: Place,
    course: Place,
    given: str | None,
) -> tuple[Watched, ...]:
    """What is to be watched, and how a changed row there leads to profiles. Raises NotRouted, WrongSetting.

    `known` pairs are like foreign keys; `given` is LISTENER_WATCH."""
    told = {each.name: each for each in _told(given or "")}
    by_table = {_table(catalogue, name, query): each for name, each in told.items() if not _is_function(name, query)}
    unseen = [
        Read(table, tuple(catalogue.relations[table].columns), watchable=True)
        for table in by_table
        if table not in {each.table for each in query.reads}
    ]
    if not unseen:
        for function in query.opaque:
            if not any(_names(name, function) for name in told):
                what = f"{function} may read tables that are not seen"
                raise NotRouted(what=what, setting=f"{WATCH}={function.partition('(')[0]}({AUDIT})")
    reads = (*query.reads, *unseen)
    routing = Routing(
        References.of(catalogue, known, profile, course), {each.table: frozenset(each.columns) for each in reads}
    )
    return tuple(_watched(each, by_table.get(each.table), catalogue, routing) for each in reads)


def names(given: str | None, table: Table) -> bool:
    """Whether LISTENER_WATCH says something of a table."""
    return any(each.name in (table.label, table.name) for each in _told(given or ""))


def is_looked_after(query: WantedQuery, given: str | None) -> bool:
    """Whether the answer may change without a change in what is watched."""
    return query.depends_on_time or any(_is_function(each.name, query) for each in _told(given or ""))


def _watched(read: Read, told: Told | None, catalogue: Catalogue, routing: Routing) -> Watched:
    table = read.table
    if told is not None and told.column == AUDIT:
        return Watched(table, read.columns, audited=True)
    if not read.watchable:
        raise NotRouted(
            what=f"{table.label} has no triggers that see every change (a view that is stored, a foreign table, or one "
            "that others inherit from)",
            setting=f"{WATCH}={table.label}({AUDIT})",
        )
    if told is not None and told.column == EVERYONE:
        return Watched(table, read.columns)
    if told is not None:
        column = _column(catalogue, table, told.column)
        if told.to is None:
            return Watched(table, read.columns, (Route(column),))
        name, _, onward = told.to.rpartition(".")
        other = _table(catalogue, name)
        return Watched(table, read.columns, routing.by(column, (other, _column(catalogue, other, onward))))
    routes = routing.routes(table)
    if not routes and not routing.concerns_everyone(table):
        raise NotRouted(
            what=f"nothing says which profiles a row of {table.label} is about",
            setting=f"{WATCH}={table.label}(COLUMN), the column that holds a profile's key; {table.label}({EVERYONE}); "
            f"or {table.label}({AUDIT})",
        )
    return Watched(table, read.columns, routes)


def _told(given: str) -> list[Told]:
    found = []
    for part in filter(str.strip, given.split(";")):
        match = GIVEN.fullmatch(part)
        if match is None:
            raise WrongSetting(name=WATCH, problem=f"{part.strip()!r} is not table(column)")
        found.append(Told(match[1], match[2], match[3]))
    return found


def _is_function(name: str, query: WantedQuery) -> bool:
    return any(_names(name, function) for function in query.opaque)


def _names(name: str, function: str) -> bool:
    """Whether `name`, with or without its schema, is that of a function, `schema.name(types)`."""
    plain = function.partition("(")[0]
    return name in (plain, plain.rpartition(".")[2])


def _table(catalogue: Catalogue, name: str, query: WantedQuery | None = None) -> Table:
    """The table of that name, of schema public unless it says otherwise; or whatever else the query reads, which has no
    triggers. Raises WrongSetting."""
    schema, _, plain = name.rpartition(".")
    table = Table(schema or "public", plain)
    if query is not None and table in {each.table for each in query.reads}:
        return table
    if table not in catalogue.relations or not catalogue.relations[table].is_table:
        raise WrongSetting(name=WATCH, problem=f"there is no table {table.label}")
    return table


def _column(catalogue: Catalogue, table: Table, name: str) -> str:
    if name not in catalogue.relations[table].columns:
        raise WrongSetting(name=WATCH, problem=f"{table.label} has no column {name}")
    return name


def _wrong(text: str, problem: str) -> WrongSetting:
    return WrongSetting(name=SETTING, problem=f"{expressions.short(text)} {problem}")
