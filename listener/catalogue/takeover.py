"""Finds the LMS's own triggers that enroll or count: by the functions' writes, not by names."""

import re
from dataclasses import dataclass

from listener import sql
from listener.database.connection import Connection
from listener.errors import MixedTrigger
from listener.mapping.mapping import Mapping, Table, TakenOver

NOISE = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
NAME = r'(?:(?:"[^"]+"|\w+)\s*\.\s*)?(?:"[^"]+"|\w+)'
WRITE = re.compile(
    r"\b(?:(?P<insert>insert\s+into)|(?P<update>(?<!for )(?<!do )update(?:\s+only)?)"
    r"|(?P<delete>delete\s+from(?:\s+only)?))"
    rf"\s+(?P<table>{NAME})(?P<rest>[^;]*)",
    re.IGNORECASE,
)
CALL = re.compile(rf"(?P<name>{NAME})\s*\(")
DEPTH = 4
"""How deep calls from function to function are followed."""


@dataclass(frozen=True)
class Existing:
    """A trigger of the LMS's that does the daemon's work."""

    table: Table
    trigger: str
    function: str
    enabled: str
    enrolls: bool
    counts: bool
    others: tuple[str, ...]
    """Other tables that the trigger writes."""

    def __str__(self) -> str:
        return f"{self.trigger} on {self.table.label} ({self.does})"

    @property
    def does(self) -> str:
        return " and ".join(word for word, is_so in (("enrolls", self.enrolls), ("counts", self.counts)) if is_so)

    @property
    def is_enabled(self) -> bool:
        return self.enabled != "D"


@dataclass(frozen=True)
class Function:
    schema: str
    name: str
    source: str


async def existing(connection: Connection, mapping: Mapping) -> list[Existing]:
    """All triggers on the LMS's tables that enroll or count, enabled or not."""
    watched = {(table.schema, table.name) for table in mapping.tables} | {("auth", "users")}
    triggers = await connection.fetch(sql.read("catalogue/triggers", "triggers"))
    concerned = [row for row in triggers if (row["schema"], row["table"]) in watched]
    functions = await _functions(connection) if concerned else []
    found = []
    for row in concerned:
        table = Table(row["schema"], row["table"])
        source = _all_source(Function(row["function_schema"], row["function"], ""), functions)
        enrolls, counts, others = _writes(source, mapping)
        if table in (mapping.enrollment_table, mapping.course_table):
            enrolls = False  # there a trigger enrolls another person: the teacher of a new course, say
        enrolls, counts = enrolls and mapping.enrolls, counts and mapping.counts_in_courses
        if enrolls or counts:
            function = f"{row['function_schema']}.{row['function']}()"
            found.append(Existing(table, row["name"], function, row["enabled"], enrolls, counts, others))
    return found


async def _functions(connection: Connection) -> list[Function]:
    return [
        Function(row["schema"], row["name"], NOISE.sub(" ", row["source"]))
        for row in await connection.fetch(sql.read("catalogue/triggers", "functions"))
    ]


async def own_counting(connection: Connection, mapping: Mapping) -> str | None:
    """A remark on functions of the app that count the same columns as the listener; None without such functions.
    (Statements in the app's own code cannot be seen.)"""
    if not mapping.counts_in_courses:
        return None
    of_triggers = {each.function for each in await existing(connection, mapping)}
    counting = [
        f"{each.schema}.{each.name}()"
        for each in await _functions(connection)
        if _writes(each.source, mapping)[1] and f"{each.schema}.{each.name}()" not in of_triggers
    ]
    if not counting:
        return None
    each = "counts" if len(counting) == 1 else "count"
    columns = " and ".join(f"{mapping.course_table.label}.{name}" for name in mapping.count_columns)
    return (
        f"{' and '.join(counting)} {each} in {columns} by itself, and the listener counts there, too: what both count"
        " is double, until the audit mends it. Leave it to the listener, or set LISTENER_COUNT_COLUMNS=none"
    )


def taken_over(found: list[Existing]) -> tuple[TakenOver, ...]:
    """The enabled triggers, to be disabled. Raises MixedTrigger for a trigger that writes to other tables, too."""
    for each in found:
        if each.is_enabled and each.others:
            raise MixedTrigger(
                trigger=f"{each.trigger} on {each.table.label}",
                function=each.function,
                others=", ".join(each.others),
                does=each.does,
            )
    return tuple(TakenOver(each.table, each.trigger, each.enabled) for each in found if each.is_enabled)


async def still_there(connection: Connection, disabled: tuple[TakenOver, ...]) -> tuple[TakenOver, ...]:
    """`disabled`, without triggers that migrations have dropped."""
    schemas, tables = [each.table.schema for each in disabled], [each.table.name for each in disabled]
    names = [each.trigger for each in disabled]
    there = {
        tuple(row) for row in await connection.fetch(sql.read("catalogue/triggers", "there"), schemas, tables, names)
    }
    return tuple(each for each in disabled if (each.table.schema, each.table.name, each.trigger) in there)


def _all_source(first: Function, functions: list[Function]) -> str:
    """The source of a function, and of all called functions."""
    wanted, seen, text = [(first.schema, first.name)], set(), []
    for _ in range(DEPTH):
        now = [each for each in functions if (each.schema, each.name) in wanted and each not in seen]
        seen.update(now)
        text += [each.source for each in now]
        called = {_parts(match["name"])[-1] for each in now for match in CALL.finditer(each.source)}
        wanted = [(each.schema, each.name) for each in functions if each.name in called]
    return ";\n".join(text)


def _writes(source: str, mapping: Mapping) -> tuple[bool, bool, tuple[str, ...]]:
    """(enrolls, counts, other written tables)."""
    enrolls = counts = False
    others = []
    columns = re.compile("|".join(rf'(?<!\w){re.escape(name)}"?\s*=' for name in mapping.count_columns) or "(?!)")
    for match in WRITE.finditer(source):
        name = _parts(match["table"])
        if match["insert"] and _is(name, mapping.enrollment_table):
            enrolls = True
        elif match["update"] and _is(name, mapping.course_table) and columns.search(match["rest"]):
            counts = True
        elif match["update"] and name[-1] in ("set", "of", "on"):
            continue
        else:
            others.append(".".join(name))
    return enrolls, counts, tuple(dict.fromkeys(others))


def _parts(name: str) -> list[str]:
    parts = re.findall(r'"[^"]+"|\w+', name)
    return [part.strip('"') if part.startswith('"') else part.lower() for part in parts]


def _is(name: list[str], table: Table) -> bool:
    return name[-1] == table.name and (len(name) == 1 or name[0] == table.schema)
