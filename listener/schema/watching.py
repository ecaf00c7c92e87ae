"""Triggers and functions on the tables that the rule's query reads: values for their templates."""

from listener import sql
from listener.mapping.binding import Tokens
from listener.mapping.mapping import Mapping, Route, Watched, column
from listener.row_text import ROW, columns_of, over
from listener.schema.table_checks import TableChecks
from listener.sql import identifier, literal


def numbered(mapping: Mapping) -> list[tuple[int, Watched]]:
    """Tables with triggers, each with the number in its functions' names."""
    return [(number, each) for number, each in enumerate(mapping.noted, 1) if each.triggers]


def values_of(mapping: Mapping, tokens: Tokens, number: int, shared: dict[str, str]) -> dict[str, str]:
    """Values for one watched table, besides those that are the same for all (`shared`)."""
    plain, bound = mapping.noted[number - 1], tokens.mapping.noted[number - 1]
    key = tokens.mapping.profile_key_type
    direct = [route.column for route in bound.routes if not route.hops]
    keyed = [(place, route) for place, route in enumerate(bound.routes) if route.hops]
    values = {
        "profile_key_type": key,
        "ring": shared["ring"],
        "watched": str(number),
        "watched_source": "'profiles'" if plain.condition is not None else tokens.text(literal(plain.table.label)),
        "declare_keys": "".join(f"\n    keys_{place} text[];" for place, _ in keyed),
        "profiles_of_row": _take_row(bound, direct, key),
        "keys_of_row": "".join(
            f"\n        keys_{place} := array(\n            select distinct noted.key\n            from (values"
            f" {_sides([route.column], 'text')}) as noted(key)\n            where noted.key is not null\n        );"
            for place, route in keyed
        ),
    }
    by_query = mapping.wanted_query is not None
    names = map(tokens.text, plain.columns) if by_query else bound.columns
    read = [column(name) for name in (*(direct if bound.condition is not None else ()), *names)]
    read += [f"{ROW}.{name}" for name in columns_of(bound.condition or "")]
    columns = ", ".join(dict.fromkeys(read)) or "null"
    values["untouched"] = sql.render(sql.read("mapping/untouched"), {"columns": columns}).strip()
    notes = [sql.render(sql.read("mapping/notes", "note_profiles"), values)] if direct else []
    for place, _ in keyed:
        more = {"keys": f"keys_{place}", "route_name": tokens.text(literal(name_of(plain, plain.routes[place])))}
        notes.append(sql.render(sql.read("mapping/notes", "note_keys"), values | more))
    follows = mapping.takes_back and plain.table == mapping.profile_table
    key_of = {
        "key_name": identifier(tokens.mapping.profile_key),
        "profiles": str(tokens.mapping.profile_table),
        "is_gone": shared["is_gone"],
        "expect_profiles": shared["expect_profiles"],
        "expect_enrollments": shared["expect_enrollments"],
    }

    def ledger(what: str) -> str:
        text = sql.render(sql.read("mapping/ledger", f"profiles_{what}"), values | key_of)
        return f"\n        {text}" if follows else ""

    row_alone = rows_alone = ""
    if bound.condition is not None:
        row_alone = f"array[new.{identifier(direct[0])}]"
        rows_alone = f"array({_of_rows(direct, key, distinct=False)})"
    deleted = ledger("deleted")
    column_of_key = mapping.profile_table, [mapping.profile_key]
    is_key = (plain.table, [route.column for route in plain.routes if not route.hops]) == column_of_key
    is_single = is_key or plain.condition is not None
    return values | {
        "unreadable_row": _unreadable(row_alone),
        "unreadable_rows": _unreadable(rows_alone),
        "ledger_of_row": ledger("changed"),
        "ledger_truncated": ledger("truncated"),
        "ledger_of_rows": f"\n        if tg_op = 'DELETE' then{deleted}\n        end if;" if deleted else "",
        "note_watched": "\n    ".join(notes or [sql.read("mapping/notes", "note_everyone")]),
        "profiles_of_rows": f"{_of_rows(direct, key, distinct=not is_single)}{_if_holds(bound.condition)}",
        "keys_of_rows": "".join(
            f"\n        keys_{place} := array(\n            {_of_rows([route.column], 'text')}\n        );"
            for place, route in keyed
        ),
    }


def routes(mapping: Mapping, tokens: Tokens, checks: TableChecks) -> str:
    """The body of `listener.routed`."""
    parts = []
    for (_, plain), (_, bound) in zip(numbered(mapping), numbered(tokens.mapping), strict=True):
        for route, named in zip(bound.routes, plain.routes, strict=True):
            if not route.hops:
                continue
            ends = f"step_1.{identifier(route.hops[0].key)}, step_{len(route.hops)}.{identifier(route.hops[-1].onward)}"
            steps = [f"select {ends}", f"from {route.hops[0].table} as step_1"]
            for place, hop in enumerate(route.hops[1:], 2):
                found = f"step_{place - 1}.{identifier(route.hops[place - 2].onward)}"
                steps.append(f"inner join {hop.table} as step_{place} on step_{place}.{identifier(hop.key)} = {found}")
            values = {
                "profile_key_type": tokens.mapping.profile_key_type,
                "route_name": tokens.text(literal(name_of(plain, named))),
                "steps": "\n            ".join(steps),
                "first_type": route.hops[0].key_type,
                "route_as_bound": checks.as_bound(*((hop.table, [hop.key, hop.onward]) for hop in named.hops)),
            }
            parts.append(sql.render(sql.read("mapping/notes", "route"), values))
    return "\n    ".join(parts)


def name_of(watched: Watched, route: Route) -> str:
    """The route's name in the feed."""
    steps = (f"{hop.table.label} ({hop.key}, {hop.onward})" for hop in route.hops)
    return " > ".join([f"{watched.table.label} ({route.column})", *steps])


def _take_row(bound: Watched, columns: list[str], kind: str) -> str:
    """Sets `profiles` to those of one row. Under a condition: if it holds now, and did not before, or not so."""
    if bound.condition is not None:
        is_so, was_so = over(bound.condition, "new"), over(bound.condition, "old")
        now = f"new.{identifier(columns[0])}"
        other = "".join(
            f" or new.{name} is distinct from old.{name}" for name in map(identifier, [columns[0], *bound.columns])
        )
        return (
            f"if ({is_so}) is true\n            and (tg_op = 'INSERT' or ({was_so}) is not true{other}) then"
            f"\n            profiles := array[{now}];\n        end if;"
        )
    return (
        "profiles := array(\n            select distinct noted.id\n"
        f"            from (values {_sides(columns, kind)}) as noted(id)\n"
        "            where noted.id is not null\n        );"
    )


def _unreadable(keys_alone: str) -> str:
    """What a trigger does where it cannot read what it should: all keys are noted (`keys_alone`, where a condition is
    left out), or a blind note is taken."""
    blindly = sql.read("mapping/notes", "note_unreadable")
    if not keys_alone:
        return blindly
    return sql.render(sql.read("mapping/notes", "note_unread"), {"keys_alone": keys_alone, "blindly": blindly})


def _if_holds(condition: str | None) -> str:
    return "" if condition is None else f" and ({over(condition, 'written')}) is true"


def _sides(columns: list[str], kind: str) -> str:
    """Both sides of a changed row."""
    both = [f"({side}.{identifier(name)}::{kind})" for name in columns for side in ("old", "new")]
    return ", ".join(both or [f"(null::{kind})"])


def _of_rows(columns: list[str], kind: str, *, distinct: bool = True) -> str:
    """A query of the keys in written rows."""
    if not columns:
        return f"select null::{kind} where false"
    word = "select distinct" if distinct else "select"
    if len(columns) == 1:
        name = f"written.{identifier(columns[0])}"
        return f"{word} {name}::{kind}\n            from written\n            where {name} is not null"
    values = ", ".join(f"(written.{identifier(name)}::{kind})" for name in columns)
    return (
        f"{word} noted.id\n            from written\n"
        f"            cross join lateral (values {values}) as noted(id)\n            where noted.id is not null"
    )
