"""Triggers and functions on the tables that the rule's query reads: values for the templates."""

from collections.abc import Iterator

from listener import sql
from listener.mapping.binding import Tokens
from listener.mapping.mapping import Mapping, Match, Route, Table, Value, Watched, column
from listener.row_text import ROW, columns_of, over, unquoted
from listener.schema.table_checks import TableChecks
from listener.sql import identifier, literal


def _is_of_profiles(mapping: Mapping, watched: Watched) -> bool:
    """Whether a new row is a person who signs up."""
    return watched.condition is not None or watched.table == mapping.profile_table


def numbered(mapping: Mapping) -> list[tuple[int, Watched]]:
    """Tables with triggers, each with the number in the functions' names."""
    return [(number, each) for number, each in enumerate(mapping.noted, 1) if each.triggers]


def with_moments(mapping: Mapping) -> list[int]:
    """Numbers of tables of which a column is compared with the time."""
    return [number for number, each in numbered(mapping) if each.moments and mapping.enrolls]


def due(mapping: Mapping) -> dict[str, str]:
    """Placeholders of `listener.note_due`."""
    numbers = with_moments(mapping)
    of_each = [f"listener.note_due_{number}(since, until)" for number in numbers]
    return {"has_moments": str(bool(numbers)).lower(), "due_of_each": ", ".join(of_each) or "null::float8"}


def _moments(watched: Watched, table: str, number: int, part: str) -> list[str]:
    """A part of the SQL for each."""
    return [
        sql.render(
            sql.read("mapping/moments", part),
            {
                "moment": over(column(each.column), "watched"),
                "kind": each.type,
                "offset": each.offset,
                "watched": str(number),
                "watched_table": table,
            },
        )
        for each in watched.moments
    ]


def values_of(mapping: Mapping, tokens: Tokens, number: int, shared: dict[str, str]) -> dict[str, str]:
    """Values for a watched table, besides the values that are the same for all (`shared`)."""
    plain, bound = mapping.noted[number - 1], tokens.mapping.noted[number - 1]
    key, table = tokens.mapping.profile_key_type, str(bound.table)
    direct = [route.key for route in bound.routes if not route.hops]
    keyed = [(place, route) for place, route in enumerate(bound.routes) if route.hops]
    values = {
        "profile_key_type": key,
        **{name: shared[name] for name in ("ring", "able", "blindly_profiles", "note_everyone")},
        "watched": str(number),
        "sees_truncate": str(any("truncate" in name for name in plain.triggers)).lower(),
        "watched_source": (
            "'profiles'" if _is_of_profiles(mapping, plain) else tokens.text(literal(plain.table.label))
        ),
        "declare_keys": "\n".join(f"keys_{place} text[];" for place, _ in keyed),
        "has_profiles": str(bool(direct)).lower(),
        "profiles_of_row": _take_row(bound, direct, key) if direct else "",
        "keys_of_row": "\n".join(
            _note("keys_of_rows", place=str(place), keys=_keys(route, ("old", "new"))) for place, route in keyed
        ),
    }
    by_query = mapping.wanted_query is not None
    names = map(tokens.text, plain.columns) if by_query else bound.columns
    keys = [each.text for each in direct] if bound.condition is not None else []
    read = [*keys, *map(column, names), *(f"{ROW}.{name}" for name in columns_of(bound.condition or ""))]
    columns = ", ".join(dict.fromkeys(read)) or "null"
    values["untouched"] = sql.render(sql.read("mapping/untouched"), {"columns": columns}).strip()
    notes = [sql.render(sql.read("mapping/notes", "note_profiles"), values)] if direct else []
    for place, _ in keyed:
        more = {"keys": f"keys_{place}", "route_name": tokens.text(literal(name_of(plain, plain.routes[place])))}
        notes.append(sql.render(sql.read("mapping/notes", "note_keys"), values | more))
    is_profiles = plain.table == mapping.profile_table
    key_of = {
        "key_name": identifier(tokens.mapping.profile_key),
        "key_label": literal(tokens.mapping.profile_key),
        "profiles": str(tokens.mapping.profile_table),
        "expect_profiles": shared["expect_profiles"],
    }

    def part(file: str, name: str, applies: bool, **more: str) -> str:
        return sql.render(sql.read(f"mapping/{file}", name), values | key_of | more) if applies else ""

    def ledger(what: str) -> str:
        return part("ledger", what, mapping.takes_back and is_profiles)

    row_alone = rows_alone = ""
    if bound.condition is not None:
        row_alone = f"select {over(direct[0].text, 'new')}"
        rows_alone = _of_rows(direct, key, distinct=False)
    moves = is_profiles and plain.table in mapping.partitioned
    moved_from = f"current_setting('listener.moved_from')::{mapping.profile_key_type}"
    is_left = part("new_keys", "key_is_left", moves, left_key=moved_from)
    of_moved = [part("new_keys", "of_moved_profile", moves, key_is_left=is_left)]
    of_moved += [ledger("profile_deleted")] if moves else []
    of_key = mapping.profile_table, [column(mapping.profile_key)]
    is_key = (plain.table, [route.key.text for route in plain.routes if not route.hops]) == of_key
    is_single = is_key or plain.condition is not None
    return values | {
        "unreadable_row": _unreadable(row_alone, shared["note_unreadable"]),
        "unreadable_rows": _unreadable(rows_alone, shared["note_unreadable"]),
        "ledger_of_row": part(
            "new_keys", "of_profile", is_profiles, of_moved_or_deleted="\n".join(filter(None, of_moved))
        ),
        "ledger_truncated": ledger("profiles_truncated"),
        "ledger_of_rows": ledger("profiles_deleted"),
        "note_watched": "\n".join(notes or [shared["note_everyone"]]),
        "profiles_of_rows": f"{_of_rows(direct, key, distinct=not is_single)}{_if_holds(bound.condition)}",
        "rule_as_bound": shared["rule_as_bound"],
        "watched_table": table,
        "reads_rows": str(bool(direct or keyed or is_profiles)).lower(),
        "due_rows": "\nor ".join(_moments(plain, table, number, "due_rows")),
        "next_due": ",\n".join(_moments(plain, table, number, "next_due")),
        "keys_of_due_rows": "\n".join(_note("keys_of_due_rows", keys=_keys(route)) for _, route in keyed),
        "into_keys": "".join(f"keys_{place}, " for place, _ in keyed),
        "keys_of_rows": "\n".join(_note("keys_of_rows", place=str(place), keys=_keys(route)) for place, route in keyed),
    }


def routes(mapping: Mapping, tokens: Tokens, checks: TableChecks) -> str:
    """The body of `listener.routed`."""
    parts = []
    for (_, plain), (_, bound) in zip(numbered(mapping), numbered(tokens.mapping), strict=True):
        for route, named in zip(bound.routes, plain.routes, strict=True):
            if not route.hops:
                continue
            read: dict[Table, list[str]] = {hop.table: [] for hop in named.hops}
            for table, text in named.over(plain.table):
                if table in read:
                    read[table] += [unquoted(name) for name in columns_of(text)]
            values = {
                "profile_key_type": tokens.mapping.profile_key_type,
                "route_name": tokens.text(literal(name_of(plain, named))),
                "steps": "\n".join(_steps(route)),
                "first": " and ".join(_first(route)),
                "key": _values([over(route.key.text, f"step_{len(route.hops)}")], each=route.key.each),
                "route_as_bound": checks.as_bound(*read.items()) or "true",
            }
            parts.append(sql.render(sql.read("mapping/notes", "route"), values))
    return "\n".join(parts)


def _steps(route: Route) -> Iterator[str]:
    """FROM: the tables of a route, each joined to the table before."""
    yield f"from {route.hops[0].table} as step_1"
    for place, hop in enumerate(route.hops[1:], 2):
        matches = (
            f"{over(each.there, f'step_{place}')} {_equals(each, over(each.here.text, f'step_{place - 1}'))}"
            for each in hop.matches
        )
        yield f"inner join {hop.table} as step_{place} on {' and '.join(matches)}"


def _equals(match: Match, value: str) -> str:
    return f"{match.operator} any ({value})" if match.here.each else f"{match.operator} {value}"


def _first(route: Route) -> Iterator[str]:
    """WHERE: the rows of the first table, by the keys in the notes."""
    matches = route.hops[0].matches
    for place, each in enumerate(matches, 1):
        keys = f"keys::{each.here.type}[]"
        if len(matches) > 1:
            part = f"((key.value::text[])[{place}])::{each.here.type}"
            keys = f"array(select {part} from unnest(keys) as key(value))"
        yield f"{over(each.there, 'step_1')} {each.operator} any ({keys})"


def name_of(watched: Watched, route: Route) -> str:
    """The route's name in the feed."""
    start = ", ".join(each.label for each in route.start)
    steps = (f"{table.label} ({compared}, {onward})" for table, compared, onward in route.steps)
    return " > ".join([f"{watched.table.label} ({start})", *steps])


def _note(part: str, **values: str) -> str:
    return sql.render(sql.read("mapping/notes", part), values)


def _keys(route: Route, rows: tuple[str, ...] = ("written",)) -> str:
    """A query of the keys that lead from rows along a route, as text."""
    if len(route.start) == 1:
        (value,) = route.start
        found = _source([_text(value, row) for row in rows], each=value.each)
        is_whole = "noted.key is not null"
    else:
        of_rows = (f"(array[{', '.join(_text(each, row) for each in route.start)}]::text)" for row in rows)
        found = f"(values {', '.join(of_rows)})"
        is_whole = "array_position(noted.key::text[], null) is null"
    return _note("keys_of_written" if rows == ("written",) else "keys_of_row", found=found, is_whole=is_whole)


def _text(value: Value, row: str) -> str:
    """The kept part of a row, as text that says the same in every session."""
    text = over(value.text, row)
    if value.is_time and value.each:
        return f"array(select jsonb_build_array(one.value) ->> 0 from unnest({text}) as one(value))"
    if value.is_time:
        return f"jsonb_build_array({text}) ->> 0"
    return f"({text})::text[]" if value.each else f"({text})::text"


def _source(values: list[str], *, each: bool) -> str:
    """The part of FROM for values, or for the elements of arrays."""
    return f"unnest({' || '.join(values)})" if each else f"(values {', '.join(f'({one})' for one in values)})"


def _values(values: list[str], *, each: bool) -> str:
    return f"select unnest({values[0]})" if each else f"select {values[0]}"


def _take_row(bound: Watched, keys: list[Value], kind: str) -> str:
    """Sets `profiles` to the profiles of a row. Under a condition: if the condition holds now, and did not before, or
    for another profile."""
    if bound.condition is None:
        return _note("profiles_of_row", found=_of_keys(keys, ("old", "new"), kind))
    or_other = "".join(
        f" or {over(text, 'new')} is distinct from {over(text, 'old')}"
        for text in (keys[0].text, *map(column, bound.columns))
    )
    return _note("profile_of_row", condition=bound.condition, or_other=or_other, key=keys[0].text)


def _unreadable(keys_alone: str, blindly: str) -> str:
    """A trigger's action where a row cannot be read: all keys are noted (`keys_alone`, where a condition is left out),
    or a blind note is taken."""
    if not keys_alone:
        return blindly
    return _note("note_unread", keys_alone=keys_alone, blindly=blindly)


def _if_holds(condition: str | None) -> str:
    return "" if condition is None else f" and ({over(condition, 'written')}) is true"


def _of_keys(keys: list[Value], rows: tuple[str, ...], kind: str) -> str:
    """The part of FROM for the profiles' keys in `rows`."""
    single = [f"{over(each.text, row)}::{kind}" for each in keys if not each.each for row in rows]
    several = [f"({over(each.text, row)})::{kind}[]" for each in keys if each.each for row in rows]
    if several:
        return _source([f"array[{', '.join(single)}]::{kind}[]", *several], each=True)
    return _source(single or [f"null::{kind}"], each=False)


def _of_rows(keys: list[Value], kind: str, *, distinct: bool = True) -> str:
    """A query of the profiles' keys in written rows."""
    if not keys:
        return f"select null::{kind} where false"
    select = "select distinct" if distinct else "select"
    if len(keys) == 1 and not keys[0].each:
        return _note("profile_of_written", select=select, key=keys[0].text, profile_key_type=kind)
    return _note("profiles_of_written", select=select, found=_of_keys(keys, ("written",), kind))
