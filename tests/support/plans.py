"""Plans as they were run: of a statement, and of the statements inside the functions that it calls.

EXPLAIN shows a function as one node. So the functions of schema `listener` that read the tables are made again, for one
session, such that they explain what they do before they do it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from listener import sql
from listener.database.connection import Connection
from listener.schema import step
from tests.support.connecting import parsed

Node = dict[str, Any]

# What only calls the others is left as it is. What writes, and is needed afterwards, is explained, taken back, and run.
FUNCTIONS = r"""
select
    pg_proc.proname as name,
    pg_get_functiondef(pg_proc.oid) as definition,
    pg_proc.prosrc as body,
    coalesce(pg_proc.proargnames[:pg_proc.pronargs], '{}') as arguments,
    array(
        select format_type(argument.type, null)
        from unnest(pg_proc.proargtypes) with ordinality as argument(type, number)
        order by argument.number
    ) as types
from pg_proc
inner join pg_language on pg_language.oid = pg_proc.prolang
where
    pg_proc.pronamespace = 'listener'::regnamespace
    and pg_language.lanname = 'plpgsql'
    and pg_proc.prorettype <> 'trigger'::regtype
    -- One asks about one row after the other, and locks; one is made as it runs.
    and pg_proc.proname not in ('course_holders', 'course_titles')
    and (
        pg_proc.proname in (
            'enroll', 'count', 'retry_enroll', 'retry_count', 'pass_over', 'purge', 'purge_checkpoints',
            'unhandled', 'batch', 'repair_counts', 'restart_if_restored'
        )
        or exists (
            select from listener.adapter
            where strpos(adapter.definition, 'function listener.' || pg_proc.proname || '(') > 0
        )
    )
order by pg_proc.proname
"""

READERS = {
    *(
        "default_course_id",
        "drifted_counts",
        "move_counts",
        "astray_at_once",
        "astray_since",
        "settle_abandoned_counts",
    ),
    *("students", "settle", "enroll", "count", "retry_enroll"),
    *("profile_is_there", "enrollments_of", "retry_count", "pass_over", "purge", "purge_checkpoints"),
    *("unhandled", "batch", "repair_counts", "restart_if_restored"),
}
"""Functions whose plans must be told: a test that no longer sees them would pass for nothing."""

QUERY = re.compile(
    r"^ *(?:return query(?P<returned>.*?)|(?P<plain>(?:with|delete|update)\b.*?)|\w+ := \((?P<value>.*?)\n +\));$",
    re.MULTILINE | re.DOTALL,
)
INTO = re.compile(r"\n *into\s[\w,\s]+?(?=\n *from\b|$)")
WRITES = re.compile(r"\b(listener\.settle\(|insert into|delete from|update \S+\s+(?:as \w+\s+)?set)\b")
DECLARED = re.compile(r"^ +(\w+) (?!record;)([\w.]+(?:\[\])?)(?: :=.*)?;$", re.MULTILINE)


VALUES = {
    "profile_key_type": "bigint",
    "course_key_type": "bigint",
    "enrolls": "true",
    "by_school": "false",
    "brakes_joining": "true",
    "is_set_aside": sql.render(sql.read("mapping/is_set_aside"), {"by_school": "false"}),
    "cause_of_note": "''",
}
"""For files that are not about any of these."""


def body(name: str, *, by_query: bool = False, **arguments: str) -> str:
    """The statement that an installed function consists of, which has its file to itself, with $1 and so on for its
    arguments, of these types: to explain what EXPLAIN of a call does not show. `by_query`: of a school with a rule of
    its own."""
    values = step.values() | VALUES | {"only_on_joining": str(not by_query).lower()}
    text = sql.render(sql.read(f"schema/functions/{name}"), values).split("$$")[1]
    for number, (argument, kind) in enumerate(arguments.items(), 1):
        text = re.sub(rf"\b{argument}\b(?!\.)", f"${number}::{kind}", text)
    return text


def nodes(plan: Node) -> Iterator[Node]:
    """A plan's nodes, itself first."""
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def visited(plan: Node) -> int:
    """Rows that a plan looked at, in all of its nodes, each time that it did."""
    return round(sum(_visited(node) for node in nodes(plan)))


def _visited(node: Node) -> float:
    if node.get("Relation Name", "").startswith("pg_"):
        return 0  # a catalog is as large in each database; by which way it is read depends on when autovacuum came by
    removed = sum(value for name, value in node.items() if name.startswith("Rows Removed by"))
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])


@dataclass
class Explained:
    """One statement's plan, and those of the statements inside the functions that it called."""

    outer: Node
    inner: list[tuple[str, Node]] = field(default_factory=list)

    @property
    def plans(self) -> list[Node]:
        """All of them."""
        return [self.outer, *(plan for _, plan in self.inner)]

    @property
    def nodes(self) -> list[Node]:
        """The nodes of all of them."""
        return [node for plan in self.plans for node in nodes(plan)]

    @property
    def visited(self) -> int:
        """Rows that were looked at."""
        return sum(map(visited, self.plans))


async def instrument(connection: Connection) -> list[str]:
    """Make the functions of this database such that they tell their plans; what each session must prepare for that."""
    prepared: list[str] = []
    telling: set[str] = set()
    for function in await connection.fetch(FUNCTIONS):
        statements, definition = _explaining(function)
        prepared += statements
        if statements:
            await connection.execute("; ".join(statements))
            await connection.execute(definition)
            await connection.execute("deallocate all")
            telling.add(function["name"])
    assert telling >= READERS, READERS - telling
    return prepared


def _explaining(function: Any) -> tuple[list[str], str]:
    """Statements to prepare, and the function that explains them before it runs them."""
    name, body = function["name"], function["body"]
    head, begin, rest = body.partition("\nbegin\n")
    values = [*zip(function["arguments"], function["types"], strict=True), *DECLARED.findall(head)]
    types = ", ".join(kind for _, kind in values)
    given = ", ".join(f"{name}.{value}" if value in function["arguments"] else value for value, _ in values)
    statements: list[str] = []

    def explaining(match: re.Match[str]) -> str:
        query = match["returned"] or match["plain"] or match["value"]
        goes_on = not match["plain"] or INTO.search(query) is not None
        if re.search(r"(return|:=) found\b", body):
            return match[0]
        text = INTO.sub("", query)
        for number, (value, _) in enumerate(values, 1):
            text = re.sub(rf'(?<![.\w"])(?:{name}\.)?{value}\b(?![."(])', f"${number}", text)
        prepared = f"{name}_{len(statements) + 1}"
        statements.append(f"prepare {prepared}{f'({types})' if types else ''} as {text}")
        execute = f"'explain (analyze, timing off, format json) execute {prepared}'"
        if values:
            places = ", ".join("%L" for _ in values)
            execute = f"format('explain (analyze, timing off, format json) execute {prepared}({places})', {given})"
        told = (
            f"    for explained in execute {execute} loop\n"
            f"        raise info '{name} explains %', explained;\n"
            "    end loop;\n"
        )
        if goes_on and WRITES.search(query):
            told = (
                f"    begin\n{told}    raise sqlstate 'EXPLN';\n    exception when sqlstate 'EXPLN' then null; end;\n"
            )
        return told + (match[0] if goes_on else "")

    # Explaining takes long: that what takes longer is put off would decide how much is looked at.
    rest = QUERY.sub(explaining, rest).replace("statement_timestamp() + interval '500 milliseconds'", "'infinity'")
    declare = "" if "\ndeclare" in head else "\ndeclare"
    changed = f"{head}{declare}\n    explained text;{begin}{rest}"
    return statements, function["definition"].replace(body, changed).replace("\n STABLE", "\n")


class Explaining:
    """A session of a database whose functions were made to tell their plans."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._told: list[tuple[str, Node]] = []

    @classmethod
    async def begin(cls, connection: Connection, prepared: list[str]) -> "Explaining":
        """`prepared` is what `instrument` returned."""
        made = cls(connection)
        connection.add_log_listener(made._hear)
        await connection.execute("; ".join(prepared))
        return made

    def _hear(self, _connection: Any, message: Any) -> None:
        name, found, plan = str(message.message).partition(" explains ")
        if found:
            self._told.append((name, json.loads(plan)[0]["Plan"]))

    async def run(self, execute: str) -> Explained:
        """Explain a statement, which is run."""
        self._told.clear()
        answer = await self.connection.fetchval(f"explain (analyze, buffers, timing off, format json) {execute}")
        return Explained(parsed(answer)[0]["Plan"], list(self._told))
