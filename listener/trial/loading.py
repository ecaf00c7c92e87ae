"""Loads another party's schema into the trial's database, statement by statement."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from listener.database.connection import Connection
from listener.errors import NotLoaded
from listener.numerals import counted
from listener.reasons import reason
from listener.trial.platform import SUPABASE, Platform
from listener.trial.statements import Statement

LEFT_OUT = re.compile(
    r"(?:begin|commit|end|rollback|savepoint|release|start transaction|abort|lock|vacuum|analyze"
    r"|grant|revoke|alter default privileges|security label|reassign owned|drop owned|comment on extension"
    r"|create database|drop database|alter database|alter system|alter role|alter user|set role"
    r"|set session authorization|create subscription|alter subscription|notify|listen|checkpoint|discard)\b"
    r"|alter .* owner to |reset\b"
)
"""Statements that say nothing about tables, or only about rights: the schema has a single owner here."""
OURS = re.compile(
    r"create schema (?:if not exists )?listener\b|create view .*\blistener\."
    r"|create function [^(]*get_enrollment_statistics\(\) returns table\(total_profiles integer, total_students integer"
    r"|(?:create|alter|drop|copy|comment|insert)\b[^('$]*\blistener\."
)
"""Statements of an installation, in a dump of a database that has one."""
LEAVES_OURS = "schema listener, and triggers that call it: they are of an installation; this one is made here"
NO_MATTER = re.compile(
    r"(?:set|comment|select pg_catalog\.set_config|drop|create schema|create role|create user|alter publication)\b"
)
"""Statements whose failure is no loss."""
UNNEEDED = re.compile(
    r"(?:create (?:or replace )?(?:(?:materialized |recursive )?view|policy|index|statistics|rule|event trigger)"
    r"|alter policy|alter table .* (?:enable|force) row level security)\b"
)
"""Statements that tables can do without."""
TEMPORARY = re.compile(r"create (?:local )?temp")
OF_TRANSACTION = re.compile(r"\bon commit (?:drop|delete rows)\b", re.IGNORECASE)
"""There are no transactions of the script's here."""
ROWS = re.compile(r"(?:insert|update|delete|select|copy|truncate|call|with|refresh|values)\b")
"""Statements about rows: not needed."""
EXTENSION = re.compile(
    r'create extension (?:if not exists )?"?(?P<name>[^\s;"]+)"?(?:.*\bschema "?(?P<schema>[^\s;"]+))?'
)
OBJECT = re.compile(
    r"create (?:or replace )?(?:unlogged )?(?:unique )?(?:materialized )?"
    r'(?:table|type|domain|view|function|procedure|sequence|aggregate) (?:if not exists )?(?P<name>[\w."]+)'
)
COPY = re.compile(
    r'copy\s+(?P<table>(?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))?)\s*(?:\((?P<columns>[^)]*)\))?\s+from\s+stdin',
    re.IGNORECASE | re.DOTALL,
)
TYPE_MODIFIER = re.compile(r'\b(geometry|geography|vector|halfvec|sparsevec)"?\s*\([^()]*\)', re.IGNORECASE)
MISSING = re.compile(r'(?:relation|table|type|function|view|column|operator class|schema) "?(?P<name>[^"(]+)')

UNDEFINED = ("42P01", "42704", "42883", "42703", "3F000", "42P17", "0A000", "58P01", "F0000")
"""SQLSTATEs of objects that are missing, or not in this server."""
OF_EXTENSIONS = ("42704", "42883", "0A000", "58P01", "F0000")
"""SQLSTATEs of types, functions and operators."""
OF_DATA = ("P0001", "P0002", "P0004", "22", "23")
"""Beginnings of SQLSTATEs about rows."""
MAY_NOT = "42501"
DUPLICATES = ("42P06", "42P07", "42710", "42723", "42712")
FOREIGN = ("cron", "vault", "net", "pgmq", "pgsodium", "graphql", "graphql_public", "supabase_functions", "pgbouncer")
"""Schemas of services beside the app."""
AT_ONCE = 64
"""Statements that are sent together: each way there and back costs as much as most of them."""
MOST_MENDED = 12
"""Missing objects that are made for a single statement, at most."""
MOST_SHOWN = 12


@dataclass
class Loaded:
    statements: int = 0
    passed_over: list[str] = field(default_factory=list)
    """A line each."""

    def lines(self) -> list[str]:
        told = [f"loaded {counted(self.statements, 'statement')}"]
        told += [f"passed over: {each}" for each in self.passed_over[:MOST_SHOWN]]
        if len(self.passed_over) > MOST_SHOWN:
            told.append(f"passed over: {len(self.passed_over) - MOST_SHOWN:,} more")
        return told


@dataclass
class Loading:
    connection: Connection
    platform: Platform
    loaded: Loaded = field(default_factory=Loaded)
    extensions: list[str] = field(default_factory=list)
    """Missing extensions without a stand-in."""
    missing: set[str] = field(default_factory=set)
    """Names of skipped objects."""

    async def load(self, statements: Sequence[Statement]) -> Loaded:
        """Raises NotLoaded."""
        source = None
        group: list[Statement] = []
        for statement in statements:
            goes_alone = statement.rows is not None or TEMPORARY.match(statement.words) is not None
            ends_group = goes_alone or EXTENSION.match(statement.words) is not None or len(group) == AT_ONCE
            if statement.source != source or ends_group:
                await self._together(group)
                group = []
            if statement.source != source:
                source = statement.source
                await self.connection.execute("reset all; discard temp; set check_function_bodies = off")
            if not await self._is_left_out(statement):
                group.append(statement)
            if goes_alone:
                await self._together(group)
                group = []
        await self._together(group)
        told = list(self.platform.stand_ins.values())
        alone = [
            each
            for each in dict.fromkeys(self.loaded.passed_over)
            if not any(other.startswith(f"{each}:") for other in told)
        ]
        self.loaded.passed_over = [*alone, *told]
        return self.loaded

    async def _is_left_out(self, statement: Statement) -> bool:
        extension = EXTENSION.match(statement.words)
        if extension is not None:
            await self._extension(extension["name"], extension["schema"])
        if OURS.match(statement.words):
            self.loaded.passed_over.append(LEAVES_OURS)
            return True
        return extension is not None or LEFT_OUT.match(statement.words) is not None

    async def _together(self, group: Sequence[Statement]) -> None:
        """Run statements in one go, and in halves where one of them is refused. Raises NotLoaded."""
        if len(group) <= 1:
            for statement in group:
                await self._alone(statement)
            return
        try:
            await self.connection.execute("\n;\n".join(each.text for each in group))
        except asyncpg.PostgresError:
            half = len(group) // 2
            await self._together(group[:half])
            await self._together(group[half:])
        else:
            self.loaded.statements += len(group)

    async def _alone(self, statement: Statement) -> None:
        try:
            await self._run(statement)
            self.loaded.statements += 1
        except asyncpg.PostgresError as error:
            self._pass_over(statement, statement.words, error)

    async def _extension(self, name: str, schema: str | None) -> None:
        if not await self.platform.extension(name, schema):
            self.extensions.append(name)
            self.loaded.passed_over.append(f"extension {name} is not there")

    async def _run(self, statement: Statement) -> None:
        text = OF_TRANSACTION.sub("", statement.text) if TEMPORARY.match(statement.words) else statement.text
        for _ in range(MOST_MENDED):
            try:
                await (self.connection.execute(text) if statement.rows is None else self._copy(statement))
            except asyncpg.PostgresError as error:
                without_modifier = TYPE_MODIFIER.sub(r"\1", text)
                if without_modifier != text and "modifier" in str(error):
                    text = without_modifier
                elif not await self.platform.mend(error):
                    raise
            else:
                return

    async def _copy(self, statement: Statement) -> None:
        found = COPY.match(statement.text)
        if found is None or statement.rows is None:
            return
        schema, _, table = found["table"].rpartition(".")
        columns = None if found["columns"] is None else [_bare(each) for each in found["columns"].split(",")]
        rows = io.BytesIO(statement.rows.encode())
        if statement.rows:
            await self.connection.copy_to_table(
                _bare(table), source=rows, columns=columns, schema_name=_bare(schema) if schema else None
            )

    def _pass_over(self, statement: Statement, words: str, error: asyncpg.PostgresError) -> None:
        """Raises NotLoaded, unless the reason is that something is not here that the tables can do without."""
        if NO_MATTER.match(words):
            return
        of_data = words.startswith("do ") and (error.sqlstate or "").startswith(OF_DATA)
        if not (ROWS.match(words) or UNNEEDED.match(words) or of_data or self._is_explained(error)):
            raise NotLoaded(statement=statement.where, reason=reason(error))
        made = OBJECT.match(words)
        if made is not None:
            self.missing.add(_bare(made["name"].rpartition(".")[2]))
        self.loaded.passed_over.append(f"{statement.where}: {reason(error)}")

    def _is_explained(self, error: asyncpg.PostgresError) -> bool:
        if error.sqlstate == MAY_NOT:
            return True
        named = MISSING.search(str(error.args[0]))
        name = "" if named is None else named["name"]
        schema, _, bare = name.rpartition(".")
        if error.sqlstate in DUPLICATES:
            return bool(self.platform.made & set(SUPABASE))
        if error.sqlstate not in UNDEFINED:
            return False
        by_extension = bool(self.extensions) and error.sqlstate in OF_EXTENSIONS
        return by_extension or bare in self.missing or not {schema, name}.isdisjoint((*FOREIGN, *SUPABASE))


def _bare(name: str) -> str:
    """The name as in the catalogue."""
    name = name.strip()
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
