"""The catalogue's facts about a query's parse tree: views and functions below the query, operators, columns, types and
indexes."""

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from itertools import chain

import asyncpg

from listener import sql
from listener.database.connection import Connection
from listener.mapping.mapping import Table
from listener.routes import nodes
from listener.routes.nodes import Node
from listener.sql import identifier

FACTS = "routes/facts"
TOP = "pg_temp.listener_expression"
"""The query, as a temporary view."""
BODY = re.compile(r"\nRETURN (?P<value>.*?)\s*\Z|\nBEGIN ATOMIC\n(?P<query>.*);\nEND\s*\Z", re.DOTALL)
ARGUMENT = re.compile(r"\$(\d+)")
CALLED, FUNCTION_FIELDS = "funcid", ("opfuncid", "aggfnoid", "winfnoid")
TYPE_FIELDS = (
    *("vartype", "consttype", "resulttype", "opresulttype", "funcresulttype", "coalescetype", "casetype"),
    *("array_typeid", "element_typeid"),
)


@dataclass(frozen=True)
class Procedure:
    """A function that is called."""

    schema: str
    name: str
    is_immutable: bool
    is_strict: bool
    is_scalar: bool
    """Whether each result is a single value, not a row."""
    is_merged: bool
    """Whether Postgres inlines the body into a query with the function in FROM."""


@dataclass(frozen=True)
class Operator:
    schema: str
    name: str
    is_strict: bool
    is_immutable: bool
    is_equality: bool
    opposite: int


@dataclass(frozen=True)
class ReadColumn:
    name: str
    is_not_null: bool
    type: int
    is_deterministic: bool
    """Whether equal texts are the same text."""
    is_virtual: bool
    """Whether a read computes the value: triggers do not get the value."""


@dataclass(frozen=True)
class Type:
    name: str
    base_name: str
    """Without the domain."""
    category: str
    element: int
    """0 if the type is no array."""


@dataclass
class Facts:
    top: int
    """The view that is the query."""
    trees: dict[int, Node] = field(default_factory=dict)
    """Parse trees of the query, and of views and functions below."""
    texts: dict[int, str] = field(default_factory=dict)
    """The same, as Postgres's text."""
    names: dict[int, str] = field(default_factory=dict)
    """Names of the LMS's views in `trees`."""
    barriers: set[int] = field(default_factory=set)
    """Views that no outside condition passes."""
    procedures: dict[int, Procedure] = field(default_factory=dict)
    functions: dict[int, int] = field(default_factory=dict)
    """Functions with readable bodies, each with the view of the body."""
    operators: dict[int, Operator] = field(default_factory=dict)
    tables: dict[int, Table] = field(default_factory=dict)
    columns: dict[tuple[int, int], ReadColumn] = field(default_factory=dict)
    types: dict[int, Type] = field(default_factory=dict)
    indexed_columns: set[tuple[int, int]] = field(default_factory=set)
    """Columns that an index begins with."""
    indexed_expressions: dict[int, list[Node]] = field(default_factory=dict)
    """Expressions that an index of a table begins with."""


async def learn(connection: Connection) -> Facts:
    """Facts about the view TOP. In a transaction that is rolled back, with an empty search_path: views are made."""
    top = await connection.fetchval(f"select '{TOP}'::regclass::oid")
    facts = Facts(top)
    views, asked = [top], set[int]()
    while views:
        for row in await connection.fetch(sql.read(FACTS, "trees"), views):
            facts.trees[row["oid"]] = nodes.parse(row["tree"])[0]
            facts.texts[row["oid"]] = row["tree"]
            if not row["name"].rpartition(".")[2].startswith("listener_"):
                facts.names[row["oid"]] = row["name"]
            if row["is_barrier"]:
                facts.barriers.add(row["oid"])
        called = _numbers(facts, (CALLED, *FUNCTION_FIELDS)) - asked
        asked |= called
        await _learn_procedures(connection, facts, called, read=called - _numbers(facts, FUNCTION_FIELDS))
        below = {
            each.number("relid")
            for tree in facts.trees.values()
            for each in nodes.walk(tree)
            if each.tag == "RANGETBLENTRY" and each.text("rtekind") == "0" and each.text("relkind") == "v"
        }
        views = [each for each in (*below, *facts.functions.values()) if each not in facts.trees]
    await _learn_rest(connection, facts, asked)
    return facts


async def _learn_procedures(
    connection: Connection, facts: Facts, called: Iterable[int], *, read: Container[int] = ()
) -> None:
    """Of functions in `read`, the bodies in SQL are read, too."""
    for row in await connection.fetch(sql.read(FACTS, "procedures"), list(called)):
        facts.procedures[row["oid"]] = Procedure(
            row["schema_name"],
            row["name"],
            row["is_immutable"],
            row["is_strict"],
            row["is_scalar"],
            row["is_merged"],
        )
        if row["oid"] in read and row["is_readable"]:
            view = await _view_of(connection, row)
            if view is not None:
                facts.functions[row["oid"]] = view


async def _view_of(connection: Connection, row: asyncpg.Record) -> int | None:
    """A view of a function's body, with the arguments as columns of another subquery beside the body; None if the body
    cannot be read so. By the path under which the function runs."""
    names = [
        row["argument_names"][place] if place < len(row["argument_names"]) else ""
        for place in range(len(row["argument_types"]))
    ]
    names = [name or f"argument_{place}" for place, name in enumerate(names, 1)]
    function, body = identifier(row["name"]), row["body"].strip().rstrip(";")
    if row["is_atomic"]:
        found = BODY.search(row["body"])
        if found is None:
            return None
        body = found["query"] or f"select {found['value']}"
    if any(int(number) > len(names) for number in ARGUMENT.findall(body)):
        return None
    body = ARGUMENT.sub(lambda match: f"{function}.{identifier(names[int(match[1]) - 1])}", body)
    values = (f"null::{kind} as {identifier(name)}" for name, kind in zip(names, row["argument_types"], strict=True))
    arguments = ", ".join(values) or "null as nothing"
    view = f"listener_function_{row['oid']}"
    try:
        async with connection.transaction():
            path = "" if row["is_atomic"] else row["path"] or "pg_catalog"
            await connection.execute(f"set local search_path = {path or quoted_nothing()}")
            await connection.execute(
                f"create temporary view {view} as select body.* from (select {arguments}) as {function}"
                f" cross join lateral (\n{body}\n) as body"
            )
            await connection.execute("set local search_path = ''")
    except asyncpg.PostgresError:
        return None
    found_oid: int = await connection.fetchval(f"select 'pg_temp.{view}'::regclass::oid")
    return found_oid


def quoted_nothing() -> str:
    """The empty search_path."""
    return "''"


async def _learn_rest(connection: Connection, facts: Facts, asked: set[int]) -> None:
    relations = list(_numbers(facts, ("relid",)))
    for row in await connection.fetch(sql.read(FACTS, "indexes"), relations):
        if row["attnum"] > 0:
            facts.indexed_columns.add((row["table_oid"], row["attnum"]))
        elif row["expressions"] is not None:
            first = nodes.parse_expressions(row["expressions"])[:1]
            facts.indexed_expressions.setdefault(row["table_oid"], []).extend(first)
    await _learn_procedures(connection, facts, _numbers(facts, (CALLED, *FUNCTION_FIELDS)) - asked)
    operators = list(_numbers(facts, ("opno",)))
    for row in await connection.fetch(sql.read(FACTS, "operators"), operators):
        facts.operators[row["oid"]] = Operator(
            row["schema_name"],
            row["name"],
            row["is_strict"],
            row["is_immutable"],
            row["is_equality"],
            row["opposite"],
        )
    for row in await connection.fetch(sql.read(FACTS, "relations"), relations):
        if row["kind"] != "v":
            facts.tables[row["oid"]] = Table(row["schema_name"], row["table_name"])
    for row in await connection.fetch(sql.read(FACTS, "columns"), relations):
        facts.columns[row["attrelid"], row["attnum"]] = ReadColumn(
            row["name"], row["is_not_null"], row["type"], row["is_deterministic"], row["is_virtual"]
        )
    types = _numbers(facts, TYPE_FIELDS) | {each.type for each in facts.columns.values()}
    for row in await connection.fetch(sql.read(FACTS, "types"), list(types)):
        facts.types[row["oid"]] = Type(row["name"], row["base_name"], row["category"], row["element"])


def _numbers(facts: Facts, names: tuple[str, ...]) -> set[int]:
    """All numbers in the fields `names` of all trees, and of indexed expressions."""
    expressions = chain.from_iterable(facts.indexed_expressions.values())
    return {
        each.number(name)
        for tree in chain(facts.trees.values(), expressions)
        for each in nodes.walk(tree)
        for name in names
        if each.number(name)
    }
