"""The rule's query (LISTENER_WANTED_QUERY): columns, read tables, called functions."""

import re
from dataclasses import dataclass, replace

import asyncpg

from listener import sql
from listener.catalogue import called, expressions
from listener.catalogue.catalogue import Column
from listener.database.connection import Connection
from listener.errors import WrongSetting
from listener.mapping.mapping import CalledFunction, Table
from listener.routes.facts import Facts, learn
from listener.rules import session_dependent

SETTING = "LISTENER_WANTED_QUERY"
NAMES = ("profile_id", "course_id", "because")
"""Of the query's columns; the last may be left out."""
TEXTS = ("text", "character varying")

WHOLE_ROW = re.compile(r"\{VAR :varno -?\d+ :varattno 0 ")
LOCKS = re.compile(r":rowMarks [^<]|:hasForUpdate true")


@dataclass(frozen=True)
class Read:
    """A table that the query reads, with the read columns."""

    table: Table
    columns: tuple[str, ...]
    watchable: bool
    """Whether triggers see every change."""


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
    says_why: bool
    """Whether the query has the third column."""
    facts: Facts
    """The catalogue's facts about all parts of the query."""


async def understand(connection: Connection, text: str, profile: Column, course: Column) -> WantedQuery:
    """Parse a query of profile, course and maybe a reason. Raises WrongSetting if the text is no query, or may not be
    run."""
    async with expressions.undone(connection):
        await _make_view(connection, text)
        await connection.execute("set local search_path = ''")
        shape = await connection.fetchrow(sql.read(expressions.TRIED, "columns"))
        facts = await learn(connection)
        trees = "".join(facts.texts.values())
        foreign = await connection.fetchval(sql.read(expressions.TRIED, "not_of_the_lms"), called.relations(trees))
        reads = await connection.fetch(
            sql.read(expressions.TRIED, "reads"), WHOLE_ROW.search(trees) is not None, list(facts.texts)
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
    unsteady = session_dependent.problem(text, trees, [each["name"] for each in functions if each["is_of_session"]])
    if unsteady is not None:
        raise _wrong(text, unsteady)
    definition: str = shape["definition"]
    return WantedQuery(
        definition.strip().rstrip(";"),
        tuple(
            Read(
                Table(row["schema_name"], row["table_name"]),
                tuple(row["columns"]),
                not row["is_unlogged"]
                and (row["kind"] == "p" or (row["kind"] == "r" and not row["has_children"] and not row["is_child"])),
            )
            for row in reads
        ),
        tuple(each["name"] for each in functions if each["may_read"] and each["oid"] not in facts.functions),
        session_dependent.tells_the_time(text, trees) or any(each["tells_the_time"] for each in functions),
        tuple(facts.names.values()),
        tuple(CalledFunction(each["name"], each["body"]) for each in functions if not each["is_builtin"]),
        len(shape["types"]) == len(NAMES),
        facts,
    )


async def _make_view(connection: Connection, text: str) -> None:
    await expressions.by_own_path(connection)
    try:
        columns = len((await connection.prepare(text)).get_attributes())
        if columns not in (0, len(NAMES) - 1, len(NAMES)):
            needed = "two columns, the keys of a profile and of a course, and at most a third one that says why"
            raise _wrong(text, f"must have {needed}, not {columns}")
        names = ", ".join(NAMES[: columns or 2])
        await connection.fetch(f"create temporary view listener_expression ({names}) as {text}")
    except asyncpg.InsufficientPrivilegeError as error:
        raise expressions.may_not(connection, SETTING, error) from error
    except asyncpg.PostgresError as error:
        raise expressions.not_understood(text, SETTING, error) from error


def _check_columns(text: str, types: list[str], profile: Column, course: Column) -> None:
    if len(types) == len(NAMES) and re.sub(r"\(.*\)", "", types[-1]) not in TEXTS:
        raise _wrong(text, f"must say why, in its third column, as text, not as {types[-1]}")
    for kind, key, what in zip(types[:2], (profile, course), ("profile", "course"), strict=True):
        plain = re.sub(r"\(.*\)", "", kind)
        found = replace(key, type=plain, category="S" if plain in ("text", "character varying", "character") else "")
        if plain != key.type and found.family != key.family:
            raise _wrong(text, f"must have the key of a {what}, of type {key.type}, not {kind}")


def _wrong(text: str, problem: str) -> WrongSetting:
    return WrongSetting(name=SETTING, problem=f"{expressions.short(text)} {problem}")
