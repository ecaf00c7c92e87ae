"""Checks that functions and operators in a person's SQL are safe. The calls run with the rights of the listener's
owner, in the session of any sign-up, where a temporary table or type can have any name."""

import re

import asyncpg

from listener import sql
from listener.database.connection import Connection
from listener.reasons import reason

CALLED = re.compile(r":(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)")
RELATION = re.compile(r":relid (\d+)")
PATH = re.compile(r'"(?:[^"]|"")*"|[^\s,"]+')
TEMPORARY = "pg_temp"


def functions(trees: str) -> list[int]:
    """Numbers of the functions called in parse trees."""
    return sorted({int(number) for number in CALLED.findall(trees)})


def relations(trees: str) -> list[int]:
    """Numbers of the relations read in parse trees."""
    return sorted({int(number) for number in RELATION.findall(trees)})


async def problem(connection: Connection, trees: str) -> str | None:
    """The problem of a function called in the parse trees, with the way out: the function belongs to another role, or
    the body names a table or type that any session could replace by a temporary table or type. None if all are safe.
    For a transaction that is rolled back, with an empty search_path."""
    called = await connection.fetch(
        sql.read("catalogue/expressions", "functions_by_name"), functions(trees), relations(trees)
    )
    for row in called:
        if not row["is_trusted"]:
            return (
                f"calls {row['name']}, which belongs to {row['owner']}, who could have it do anything with the rights "
                "of the listener's owner: give it to the tables' owner (alter function … owner to …)"
            )
        if not row["is_late"]:
            continue
        found = _by_its_path(row["path"]) or await _unqualified(connection, row)
        if found is not None:
            name, path = row["name"], _mended(row["path"])
            return f"calls {name}, which {found}: alter function {name} set search_path = {path}"
    return None


def _by_its_path(path: str | None) -> str | None:
    """The problem of a function's own search_path: a path without pg_temp searches pg_temp first."""
    if path is None or TEMPORARY in _schemas(path)[1:]:
        return None
    return "would find temporary tables and types before any other, in the session of any sign-up"


async def _unqualified(connection: Connection, row: asyncpg.Record) -> str | None:
    """The problem of the names in a function's body: names in no schema of the path are free for a temporary table or
    type. A function without a path of its own is called under pg_catalog alone."""
    schemas = [part for part in _schemas(row["path"] or "") if part != TEMPORARY]
    try:
        async with connection.transaction():
            path = ", ".join(map(sql.identifier, schemas or ["pg_catalog"]))
            await connection.execute(f"set local check_function_bodies = on; set local search_path = {path}")
            if row["is_sql"]:
                await connection.fetchval("select pg_catalog.fmgr_sql_validator($1::pg_catalog.oid)", row["oid"])
                return None
            bare = [
                name
                for name in row["bare_tables"]
                if await connection.fetchval("select pg_catalog.to_regclass($1) is null", name)
            ]
    except asyncpg.InsufficientPrivilegeError:
        bare = row["bare_tables"]  # only the search in the text is left
    except asyncpg.PostgresError as error:
        return f"has a name without its schema ({reason(error)}), which anybody may give to something temporary"
    tables = ", ".join(bare)
    return f"names {tables} without its schema, and anybody may make a temporary table of that name" if bare else None


def _mended(path: str | None) -> str:
    schemas = [sql.identifier(part) for part in _schemas(path or "") if part not in (TEMPORARY, "pg_catalog")]
    return ", ".join(["pg_catalog", *(schemas or ["public"]), TEMPORARY])


def _schemas(path: str) -> list[str]:
    found = (part[1:-1].replace('""', '"') if part.startswith('"') else part.lower() for part in PATH.findall(path))
    return [each for each in found if each]
