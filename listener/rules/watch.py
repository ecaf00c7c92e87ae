"""Which tables are watched, and how a changed row of each leads to profiles: by the query, or by LISTENER_WATCH."""

import re
from dataclasses import dataclass

from listener.catalogue.catalogue import Catalogue
from listener.catalogue.columns import check_seen
from listener.errors import NotByKey, NotRouted, WrongSetting
from listener.mapping.lists import parts
from listener.mapping.mapping import Hop, Mapping, Match, Route, Table, Value, Watched
from listener.mapping.mapping import column as in_row
from listener.routes.routes import Derived, derive
from listener.row_text import columns_of, unquoted
from listener.rules.wanted_query import Read, WantedQuery
from listener.sql import identifier

SETTING = "LISTENER_WATCH"
EVERYONE, AUDIT = "everyone", "audit"

NAME = r'((?:"(?:[^"]|"")+"|[^()="\s])+)'
GIVEN = re.compile(rf"\s*{NAME}\s*\(\s*{NAME}\s*(?:=\s*{NAME}\s*)?\)\s*")
NAME_PARTS = re.compile(r'"(?:[^"]|"")+"|[^."]+')


@dataclass(frozen=True)
class WatchEntry:
    """An entry of LISTENER_WATCH, about a table or a function."""

    name: str
    column: str
    to: str | None


def watch(
    query: WantedQuery, mapping: Mapping, catalogue: Catalogue, given: str | None, *, by_key: bool
) -> tuple[Watched, ...]:
    """`given` is LISTENER_WATCH. With `by_key`, each route, and the query for a profile, needs indexes. Raises
    NotRouted, NotByKey, WrongSetting."""
    return _Watching(query, mapping, catalogue, given).watch(by_key=by_key)


def names(given: str | None, table: Table) -> bool:
    """Whether LISTENER_WATCH names a table."""
    names_of_it = (table.label, table.name, str(table), identifier(table.name))
    return any(each.name in names_of_it for each in _entries(given or ""))


def is_looked_after(query: WantedQuery, given: str | None) -> bool:
    """Whether the answer may change without a change in watched tables."""
    return query.depends_on_time or any(_is_function(each.name, query) for each in _entries(given or ""))


class _Watching:
    def __init__(self, query: WantedQuery, mapping: Mapping, catalogue: Catalogue, given: str | None) -> None:
        self._query = query
        self._mapping = mapping
        self._catalogue = catalogue
        entries = _entries(given or "")
        self._given: dict[Table, list[WatchEntry]] = {}
        for each in entries:
            if not _is_function(each.name, query):
                self._given.setdefault(_table(catalogue, each.name, query), []).append(each)
        read = {each.table for each in query.reads}
        self._unseen = [
            Read(table, tuple(catalogue.relations[table].columns), watchable=True)
            for table in self._given
            if table not in read
        ]
        if not self._unseen:
            _check_functions(query, entries)
        self._derived = derive(query.facts, mapping.profile_table, mapping.enrollment_table, mapping.course_table)

    def watch(self, *, by_key: bool) -> tuple[Watched, ...]:
        found = tuple(map(self._watched, (*self._query.reads, *self._unseen)))
        if by_key:
            for each in found:
                self._check_routes(each)
                self._check_by_key(each, self._derived)
        return found

    def _watched(self, read: Read) -> Watched:
        table = read.table
        kinds = [each.column for each in self._given.get(table, [])]
        if AUDIT in kinds:
            return Watched(table, read.columns, audited=True)
        if not read.watchable:
            raise NotRouted(
                what=f"{table.label} has no triggers that see every change (a view that is stored, a foreign table, a "
                "sequence, a single partition, an unlogged table, or a table that inherits or is inherited from)",
                setting=f"{SETTING}={table.setting}({AUDIT})",
            )
        routes = () if EVERYONE in kinds else self._routes(table, ())
        return Watched(table, read.columns, routes, moments=tuple(self._derived.moments.get(table, ())))

    def _routes(self, table: Table, seen: tuple[Table, ...]) -> tuple[Route, ...]:
        """Empty where a change concerns all profiles. `seen`: tables that a setting has led through."""
        given = self._given.get(table)
        if given is not None:
            return tuple(route for each in given for route in self._given_routes(table, each, seen))
        lost, routes = self._derived.lost.get(table), self._derived.routes.get(table)
        if lost is None and routes is None:
            lost = "it is read where the joins of the query do not show"
        if lost is not None:
            if table in self._derived.beside_courses:
                return ()
            raise self._not_routed(table, lost)
        by_courses = table == self._mapping.course_table or table in self._derived.by_courses
        if by_courses and table in self._derived.unindexed:
            return ()
        return tuple(routes or ())

    def _not_routed(self, table: Table, reason: str) -> NotRouted:
        why = reason or "no equality (=) in it leads from there to a profile"
        return NotRouted(
            what=f"nothing says which profiles a row of {table.label} is about: {why}",
            setting=f"{SETTING}={table.setting}(COLUMN), the column that holds a profile's key; "
            f"{table.setting}({EVERYONE}); or {table.setting}({AUDIT})",
        )

    def _given_routes(self, table: Table, entry: WatchEntry, seen: tuple[Table, ...]) -> tuple[Route, ...]:
        if entry.column in (EVERYONE, AUDIT):
            return ()
        here = self._value(table, _column(self._catalogue, table, entry.column))
        if entry.to is None:
            return (Route(here),)
        *path, onward = NAME_PARTS.findall(entry.to)
        other = _table(self._catalogue, ".".join(path))
        there = in_row(_column(self._catalogue, other, onward))
        hop = Hop(other, (Match(here, there),))
        if other == self._mapping.profile_table:
            return (Route(self._value(other, self._mapping.profile_key), (hop,)),)
        further = () if other in seen or other == table else self._routes_onward(other, (*seen, table))
        if not further:
            raise WrongSetting(name=SETTING, problem=f"{entry.to} leads to no profile, by itself or by the query")
        return tuple(Route(each.key, (hop, *each.hops)) for each in further)

    def _routes_onward(self, table: Table, seen: tuple[Table, ...]) -> tuple[Route, ...]:
        is_known = table in self._given or table in self._derived.routes
        return self._routes(table, seen) if is_known else ()

    def _value(self, table: Table, name: str) -> Value:
        found = self._catalogue.relations[table].columns[name]
        return Value.of_column(name, found.type, is_time=found.is_time)

    def _check_routes(self, watched: Watched) -> None:
        """Raise NotByKey for a step without an index."""
        table = watched.table
        if table not in self._given and watched.routes and table in self._derived.unindexed:
            place, compared = self._derived.unindexed[table]
            raise _without_index(table, place, compared)
        for hop in (hop for route in watched.routes for hop in route.hops if table in self._given):
            keys = [unquoted(name) for each in hop.matches for name in columns_of(each.there)]
            if not any(map(self._catalogue.relations[hop.table].has_index_on, keys)):
                raise _without_index(table, hop.table.label, keys[0])

    def _check_by_key(self, watched: Watched, derived: Derived) -> None:
        """Raise NotByKey if a table with routes would be read as a whole for a single profile."""
        table = watched.table
        may_be_read = table == self._mapping.course_table or table in derived.by_courses
        if watched.routes and not may_be_read and table in derived.not_by_key:
            raise NotByKey(table=table.label, why=derived.not_by_key[table])


def _without_index(table: Table, place: str, compared: str) -> NotByKey:
    why = f"no index begins with {compared}, by which rows of {table.label} lead to profiles"
    return NotByKey(table=place, why=why)


def _check_functions(query: WantedQuery, entries: list[WatchEntry]) -> None:
    """Raise NotRouted for a function that may read tables, and has no entry in LISTENER_WATCH."""
    for function in query.opaque:
        if not any(_names(each.name, function) for each in entries):
            raise NotRouted(
                what=f"{function} may read tables that are not seen",
                setting=f"{SETTING}={function.partition('(')[0]}({AUDIT})",
            )


def _entries(given: str) -> list[WatchEntry]:
    found = []
    for part in parts(given):
        match = GIVEN.fullmatch(part)
        if match is None:
            raise WrongSetting(name=SETTING, problem=f"{part.strip()!r} is not table(column)")
        found.append(WatchEntry(match[1], match[2], match[3]))
    return found


def _is_function(name: str, query: WantedQuery) -> bool:
    return any(_names(name, function.name) for function in query.functions)


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
        raise WrongSetting(name=SETTING, problem=f"there is no table {table.label}")
    return table


def _column(catalogue: Catalogue, table: Table, name: str) -> str:
    columns = catalogue.relations[table].columns
    found = name if name in columns else unquoted(name)
    if found not in columns:
        raise WrongSetting(name=SETTING, problem=f"{table.label} has no column {name}")
    check_seen(catalogue.relations[table], in_row(found), SETTING)
    return found
