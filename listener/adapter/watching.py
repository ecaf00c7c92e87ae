"""What is installed on the tables that the query of who should be where reads, filled into its templates."""

from collections.abc import Callable

from listener import sql
from listener.adapter.binding import Tokens
from listener.adapter.mapping import Mapping, Route, Watched, column
from listener.sql import identifier, literal

TRIGGERS = ("listener_watch_insert", "listener_watch_delete", "listener_watch_update", "listener_watch_truncate")

Expect = Callable[..., str]


def numbered(mapping: Mapping) -> list[tuple[int, Watched]]:
    """The tables that get triggers, each with the number that its functions are named by."""
    return [(number, each) for number, each in enumerate(mapping.watched, 1) if not each.audited]


def values_of(mapping: Mapping, tokens: Tokens, number: int, shared: dict[str, str]) -> dict[str, str]:
    """What the templates for one watched table are filled with, besides what is the same for all (`shared`)."""
    plain, bound = mapping.watched[number - 1], tokens.mapping.watched[number - 1]
    key = mapping.profile_key_type
    direct = [route.column for route in bound.routes if not route.hops]
    keyed = [(place, route) for place, route in enumerate(bound.routes) if route.hops]
    values = {
        "profile_key_type": key,
        "ring": shared["ring"],
        "watched": str(number),
        "watched_table": str(bound.table),
        "watched_source": literal(plain.table.label),
        "watched_columns": ", ".join(map(column, plain.columns)) or "null",
        "declare_keys": "".join(f"\n    keys_{place} text[];" for place, _ in keyed),
        "profiles_of_row": _sides(direct, key),
        "keys_of_row": "".join(
            f"\n        keys_{place} := array(\n            select distinct noted.key\n            from (values"
            f" {_sides([route.column], 'text')}) as noted(key)\n            where noted.key is not null\n        );"
            for place, route in keyed
        ),
    }
    notes = [sql.render(sql.read("adapter/pieces/note_profiles"), values)] if direct else []
    for place, _ in keyed:
        more = {"keys": f"keys_{place}", "route_name": literal(name_of(plain, plain.routes[place]))}
        notes.append(sql.render(sql.read("adapter/pieces/note_keys"), values | more))
    follows = mapping.takes_back and plain.table == mapping.profile_table
    key_of = {
        "key_name": identifier(tokens.mapping.profile_key),
        "profiles": str(tokens.mapping.profile_table),
        "is_gone": shared["is_gone"],
    }

    def ledger(what: str) -> str:
        text = sql.render(sql.read(f"adapter/pieces/ledger_profiles_{what}"), values | key_of)
        return f"\n        {text}" if follows else ""

    values["triggers_watched_changed"] = sql.render(sql.read("adapter/pieces/triggers_watched_changed"), values)
    values["ledger_of_row"] = ledger("changed")
    values["ledger_truncated"] = ledger("truncated")
    values["note_watched"] = "\n    ".join(notes or [sql.read("adapter/pieces/note_everyone")])
    is_key = (plain.table, [route.column for route in plain.routes if not route.hops]) == (
        mapping.profile_table,
        [mapping.profile_key],
    )
    for rows in ("inserted", "deleted"):
        more = {
            "rows": rows,
            "ledger_of_rows": ledger("deleted") if rows == "deleted" else "",
            "profiles_of_rows": _of_rows(rows, direct, key, distinct=not is_key),
            "keys_of_rows": "".join(
                f"\n        keys_{place} := array(\n            {_of_rows(rows, [route.column], 'text')}\n        );"
                for place, route in keyed
            ),
        }
        values[f"note_{rows}_watched"] = sql.render(sql.read("adapter/pieces/note_written_watched"), values | more)
    return values


def routes(mapping: Mapping, tokens: Tokens, expect: Expect) -> str:
    """The body of `listener.routed`."""
    parts = []
    for (_, plain), (_, bound) in zip(numbered(mapping), numbered(tokens.mapping), strict=True):
        for route, named in zip(bound.routes, plain.routes, strict=True):
            if not route.hops:
                continue
            steps = [f"{route.hops[0].table} as step_1"]
            for place, hop in enumerate(route.hops[1:], 2):
                found = f"step_{place - 1}.{identifier(route.hops[place - 2].onward)}"
                steps.append(f"inner join {hop.table} as step_{place} on step_{place}.{identifier(hop.key)} = {found}")
            values = {
                "profile_key_type": mapping.profile_key_type,
                "route_name": literal(name_of(plain, named)),
                "steps": "\n        ".join(steps),
                "first_key": f"step_1.{identifier(route.hops[0].key)}",
                "first_type": route.hops[0].key_type,
                "last_step": f"step_{len(route.hops)}.{identifier(route.hops[-1].onward)}",
                "expect_route": expect(*((hop.table, [hop.key, hop.onward]) for hop in named.hops)),
            }
            parts.append(sql.render(sql.read("adapter/pieces/route"), values))
    return "\n    ".join(parts)


def name_of(watched: Watched, route: Route) -> str:
    """What a route is called in the feed."""
    steps = (f"{hop.table.label} ({hop.key}, {hop.onward})" for hop in route.hops)
    return " > ".join([f"{watched.table.label} ({route.column})", *steps])


def conditions(mapping: Mapping) -> str:
    """The functions that decide if an update is noted, for a GRANT."""
    names = (f"listener.is_news_of_watched_{number}(anyelement, anyelement)" for number, _ in numbered(mapping))
    return "".join(f",\n    {name}" for name in names)


def _sides(columns: list[str], kind: str) -> str:
    """Both sides of a changed row."""
    both = [f"({side}.{identifier(name)}::{kind})" for name in columns for side in ("old", "new")]
    return ", ".join(both or [f"(null::{kind})"])


def _of_rows(rows: str, columns: list[str], kind: str, *, distinct: bool = True) -> str:
    """A query of the keys in what a statement wrote."""
    if not columns:
        return f"select null::{kind} where false"
    word = "select distinct" if distinct else "select"
    if len(columns) == 1:
        name = f"written.{identifier(columns[0])}"
        return f"{word} {name}::{kind}\n            from {rows} as written\n            where {name} is not null"
    values = ", ".join(f"(written.{identifier(name)}::{kind})" for name in columns)
    return (
        f"{word} noted.id\n            from {rows} as written\n"
        f"            cross join lateral (values {values}) as noted(id)\n            where noted.id is not null"
    )
