"""The rule's query (LISTENER_WANTED_QUERY): its columns, the tables that it reads, and how a change there leads to
profiles."""

import re
from dataclasses import dataclass, replace

import asyncpg

from listener import sql
from listener.catalogue import called, expressions
from listener.catalogue.catalogue import Catalogue, Column
from listener.catalogue.columns import check_seen
from listener.database.connection import Connection
from listener.errors import NotRouted, WrongSetting
from listener.mapping.lists import parts
from listener.mapping.mapping import CalledFunction, Route, Table, Watched
from listener.mapping.mapping import column as in_row
from listener.row_text import unquoted
from listener.rules.routing import Place, References, Routing
from listener.sql import identifier

SETTING = "LISTENER_WANTED_QUERY"
WATCH = "LISTENER_WATCH"
EVERYONE, AUDIT = "everyone", "audit"
COLUMNS = 2

CLOCK = re.compile(r"\{SQLVALUEFUNCTION :op [0-8] ")
"""current_date, and other ways to tell the time without a function call."""
WHOLE_ROW = re.compile(r"\{VAR :varno -?\d+ :varattno 0 ")
LOCKS = re.compile(r":rowMarks [^<]|:hasForUpdate true")
NAME = r'((?:"(?:[^"]|"")+"|[^()="\s])+)'
GIVEN = re.compile(rf"\s*{NAME}\s*\(\s*{NAME}\s*(?:=\s*{NAME}\s*)?\)\s*")
NAME_PARTS = re.compile(r'"(?:[^"]|"")+"|[^."]+')


@dataclass(frozen=True)
class Read:
    """A table that the query reads, with the read columns."""

    table: Table
    columns: tuple[str, ...]
    watchable: bool
    """Whether triggers on it see every change."""


@dataclass(frozen=True)
class WantedQuery:
    """A query that Postgres has parsed."""

    text: str
    """In Postgres's form, with qualified names."""
    reads: tuple[Read, ...]
    opaque: tuple[str, ...]
    """Functions that may read further tables."""
    depends_on_time: bool
    views: tuple[str, ...]
    functions: tuple[CalledFunction, ...]


async def understand(connection: Connection, text: str, profile: Column, course: Column) -> WantedQuery:
    """Parse a query of (profile, course). Raises WrongSetting if it is none, or may not be run."""
    async with expressions.undone(connection):
        await _make_view(connection, text)
        await connection.execute("set local search_path = ''")
        shape = await connection.fetchrow(sql.read(expressions.TRIED, "columns"))
        views = await connection.fetch(sql.read(expressions.TRIED, "trees"))
        trees = "".join(row["tree"] for row in views)
        foreign = await connection.fetchval(sql.read(expressions.TRIED, "not_of_the_lms"), called.relations(trees))
        reads = await connection.fetch(
            sql.read(expressions.TRIED, "reads"), WHOLE_ROW.search(trees) is not None, [row["oid"] for row in views]
        )
        functions = await connection.fetch(sql.read(expressions.TRIED, "functions_called"), called.functions(trees))
        problem = await called.problem(connection, trees)
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
    if problem is not None:
        raise _wrong(text, problem)
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
        tuple(row["name"] for row in views if not row["name"].endswith("listener_expression")),
        tuple(CalledFunction(each["name"], each["body"]) for each in functions if not each["is_builtin"]),
    )


async def _make_view(connection: Connection, text: str) -> None:
    statement = f"create temporary view listener_expression (profile_id, course_id) as {text}"
    await expressions.by_own_path(connection)
    try:
        columns = len((await connection.prepare(text)).get_attributes())
        if columns not in (0, COLUMNS):
            raise _wrong(text, f"must have two columns, the keys of a profile and of a course, not {columns}")
        await connection.fetch(statement)
    except asyncpg.InsufficientPrivilegeError as error:
        raise expressions.may_not(connection, SETTING, error) from error
    except asyncpg.PostgresError as error:
        raise expressions.not_understood(text, SETTING, error) from error


def _check_columns(text: str, types: list[str], profile: Column, course: Column) -> None:
    for kind, key, what in zip(types, (profile, course), ("profile", "course"), strict=True):
        plain = re.sub(r"\(.*\)", "", kind)
        found = replace(key, type=plain, category="S" if plain in ("text", "character varying", "character") else "")
        if plain != key.type and found.family != key.family:
            raise _wrong(text, f"must have the key of a {what}, of type {key.type}, not {kind}")


@dataclass(frozen=True)
class WatchEntry:
    """An entry of LISTENER_WATCH, about a table or a function."""

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
    """Tables to watch, and the routes from a changed row to profiles. `known` pairs are like foreign keys; `given` is
    LISTENER_WATCH. Raises NotRouted, WrongSetting."""
    entries = {each.name: each for each in _entries(given or "")}
    by_table = {_table(catalogue, name, query): each for name, each in entries.items() if not _is_function(name, query)}
    unseen = [
        Read(table, tuple(catalogue.relations[table].columns), watchable=True)
        for table in by_table
        if table not in {each.table for each in query.reads}
    ]
    if not unseen:
        for function in query.opaque:
            if not any(_names(name, function) for name in entries):
                what = f"{function} may read tables that are not seen"
                raise NotRouted(what=what, setting=f"{WATCH}={function.partition('(')[0]}({AUDIT})")
    reads = (*query.reads, *unseen)
    routing = Routing(
        References.of(catalogue, known, profile, course), {each.table: frozenset(each.columns) for each in reads}
    )
    return tuple(_watched(each, by_table.get(each.table), catalogue, routing) for each in reads)


def names(given: str | None, table: Table) -> bool:
    """Whether LISTENER_WATCH names a table."""
    names_of_it = (table.label, table.name, str(table), identifier(table.name))
    return any(each.name in names_of_it for each in _entries(given or ""))


def is_looked_after(query: WantedQuery, given: str | None) -> bool:
    """Whether the answer may change without a change in watched tables."""
    return query.depends_on_time or any(_is_function(each.name, query) for each in _entries(given or ""))


def _watched(read: Read, entry: WatchEntry | None, catalogue: Catalogue, routing: Routing) -> Watched:
    table = read.table
    if entry is not None and entry.column == AUDIT:
        return Watched(table, read.columns, audited=True)
    if not read.watchable:
        raise NotRouted(
            what=f"{table.label} has no triggers that see every change (a view that is stored, a foreign table, or one "
            "that others inherit from)",
            setting=f"{WATCH}={table.setting}({AUDIT})",
        )
    if entry is not None and entry.column == EVERYONE:
        return Watched(table, read.columns)
    if entry is not None:
        column = _column(catalogue, table, entry.column)
        if entry.to is None:
            return Watched(table, read.columns, (Route(column),))
        *path, onward = NAME_PARTS.findall(entry.to)
        other = _table(catalogue, ".".join(path))
        return Watched(table, read.columns, routing.by(column, (other, _column(catalogue, other, onward))))
    routes = routing.routes(table)
    if not routes and not routing.concerns_everyone(table):
        raise NotRouted(
            what=f"nothing says which profiles a row of {table.label} is about",
            setting=f"{WATCH}={table.setting}(COLUMN), the column that holds a profile's key; "
            f"{table.setting}({EVERYONE}); or {table.setting}({AUDIT})",
        )
    return Watched(table, read.columns, routes)


def _entries(given: str) -> list[WatchEntry]:
    found = []
    for part in parts(given):
        match = GIVEN.fullmatch(part)
        if match is None:
            raise WrongSetting(name=WATCH, problem=f"{part.strip()!r} is not table(column)")
        found.append(WatchEntry(match[1], match[2], match[3]))
    return found


def _is_function(name: str, query: WantedQuery) -> bool:
    return any(_names(name, function) for function in query.opaque)


def _names(name: str, function: str) -> bool:
    """Whether `name`, with or without its schema, is the function `schema.name(types)`."""
    plain = function.partition("(")[0]
    return name in (plain, plain.rpartition(".")[2])


def _table(catalogue: Catalogue, name: str, query: WantedQuery | None = None) -> Table:
    """The table of that name, in schema public by default; or another relation that the query reads. Raises
    WrongSetting."""
    *schema, plain = map(unquoted, NAME_PARTS.findall(name)) if name else ("",)
    table = Table(schema[0] if schema else "public", plain)
    if query is not None and table in {each.table for each in query.reads}:
        return table
    if table not in catalogue.relations or not catalogue.relations[table].is_table:
        raise WrongSetting(name=WATCH, problem=f"there is no table {table.label}")
    return table


def _column(catalogue: Catalogue, table: Table, name: str) -> str:
    columns = catalogue.relations[table].columns
    found = name if name in columns else unquoted(name)
    if found not in columns:
        raise WrongSetting(name=WATCH, problem=f"{table.label} has no column {name}")
    check_seen(catalogue.relations[table], in_row(found), WATCH)
    return found


def _wrong(text: str, problem: str) -> WrongSetting:
    return WrongSetting(name=SETTING, problem=f"{expressions.short(text)} {problem}")
