"""Migrations as an LMS makes them, at random but from a seed, on the schema of `tests/support/lms.py`; the application
is deployed at once: `names` says what everything is called now."""

import random
from collections.abc import Callable

import anyio
import asyncpg

from listener.database.connection import Connection
from tests.support import workload
from tests.support.eventually import eventually

# Enrolled students are remembered, whatever the column is called, in a schema that stays when all tables leave it. (Up
# to Postgres 14 everybody may create in it, and then nothing is searched for there that is not of the tables' schemas.)
SCHEMA = f"""
{workload.SCHEMA}
revoke create on schema public from public;
create or replace function see() returns trigger language plpgsql as $$
begin
    execute format(
        'insert into seen select %I from inserted',
        (select attname from pg_attribute where attrelid = tg_relid and attnum = 2)
    );
    return null;
end $$;
"""

TABLES = ("profiles", "enrollments", "courses")
COLUMNS = {
    "profiles": ("profile_id", "role", "full_name"),
    "enrollments": ("enrollment_id", "user_id", "course_id", "status"),
    "courses": ("course_key", "title", "price", "count", "other_count"),
}
TYPES = {
    "role": ("text", "varchar(40)", "varchar(80)"),
    "status": ("text", "varchar(40)", "varchar(80)"),
    "count": ("integer", "bigint"),
    "other_count": ("integer", "bigint"),
    "price": ("numeric", "double precision", "numeric(12, 2)"),
}


class Migrator:
    """Migrates a database, a step at a time."""

    def __init__(self, connection: Connection, seed: int) -> None:
        self._connection = connection
        self._dice = random.Random(seed)
        self._number = 0
        self._was_again = False
        self.names = {name: f"public.{text}" if name in TABLES else text for name, text in workload.NAMES.items()}
        self.done: list[str] = []
        """The statements that were run."""

    @property
    def kinds(self) -> list[Callable[[], tuple[str, dict[str, str]]]]:
        """All that a migration may do: its statements, and the names that it changes."""
        return [
            self.rename_column, self.rename_column, self.rename_table, self.move_table, self.change_type,
            self.swap_columns, self.make_column_again, self.make_enrollments_again, self.make_profiles_again,
            self.add_column, self.add_index,
        ]  # fmt: skip

    async def step(self) -> None:
        """One migration, as often as another transaction makes it a deadlock's victim. Fails if it is refused."""
        kind = self._dice.choice(self.kinds)
        # What has another name and another number since it was last looked at cannot be told from something new.
        is_again = kind.__name__.startswith("make_")
        if is_again or self._was_again:
            await eventually(self._connection, "select listener.is_bound()", equals=True, seconds=30)
        self._was_again = is_again
        statements, names = kind()
        self.done.append(statements)
        while True:
            try:
                await self._connection.execute(f"begin; {statements}; commit")
            except asyncpg.DeadlockDetectedError:
                await self._connection.execute("rollback")
                await anyio.sleep(self._dice.random() / 10)
            else:
                self.names.update(names)
                return

    def rename_column(self) -> tuple[str, dict[str, str]]:
        table = self._dice.choice(TABLES)
        column = self._dice.choice(COLUMNS[table])
        name = self._new(column)
        return f'alter table {self.names[table]} rename column "{self.names[column]}" to {name}', {column: name}

    def rename_table(self) -> tuple[str, dict[str, str]]:
        table = self._dice.choice(TABLES)
        name = self._new(table)
        schema = self.names[table].partition(".")[0]
        return f"alter table {self.names[table]} rename to {name}", {table: f"{schema}.{name}"}

    def move_table(self) -> tuple[str, dict[str, str]]:
        table = self._dice.choice(TABLES)
        schema = self._new("moved")
        name = self.names[table].partition(".")[2]
        statements = f"create schema {schema}; alter table {self.names[table]} set schema {schema}"
        return statements, {table: f"{schema}.{name}"}

    def change_type(self) -> tuple[str, dict[str, str]]:
        column = self._dice.choice(list(TYPES))
        table = next(table for table in TABLES if column in COLUMNS[table])
        kind = self._dice.choice(TYPES[column])
        return f"alter table {self.names[table]} alter column {self.names[column]} type {kind}", {}

    def swap_columns(self) -> tuple[str, dict[str, str]]:
        table, one, other = self.names["profiles"], self.names["role"], self.names["full_name"]
        renames = ((one, "put_aside"), (other, one), ("put_aside", other))
        statements = [f"alter table {table} rename column {was} to {now}" for was, now in renames]
        return "; ".join(statements), {"role": other, "full_name": one}

    def make_column_again(self) -> tuple[str, dict[str, str]]:
        column, rest = self._dice.choice((("role", ""), ("status", " not null default 'active'")))
        table = self.names["profiles" if column == "role" else "enrollments"]
        name = self.names[column]
        return (
            f"alter table {table} add column put_aside text{rest}; update {table} set put_aside = {name};"
            f" alter table {table} drop column {name}; alter table {table} rename column put_aside to {name}"
        ), {}

    def make_enrollments_again(self) -> tuple[str, dict[str, str]]:
        table, names = self.names["enrollments"], self.names
        plain = table.partition(".")[2]
        return (
            f"lock table {table} in access exclusive mode; create table put_aside (like {table} including all);"
            f" insert into put_aside overriding system value select * from {table};"
            f" select setval(pg_get_serial_sequence('put_aside', '{names['enrollment_id']}'), {self._next()}000000);"
            f" drop table {table}; alter table put_aside rename to {plain};"
            f" alter table {plain} set schema {table.partition('.')[0]};"
            f" alter table {table} add foreign key ({names['user_id']}) references {names['profiles']}"
            f" on update cascade on delete cascade,"
            f" add foreign key ({names['course_id']}) references {names['courses']} on delete cascade;"
            f" create trigger see after insert on {table} referencing new table as inserted"
            f" for each statement execute function see()"
        ), {}

    def make_profiles_again(self) -> tuple[str, dict[str, str]]:
        table, enrollments, user = (self.names[name] for name in ("profiles", "enrollments", "user_id"))
        plain = table.partition(".")[2]
        return (
            f"lock table {table}, {enrollments} in access exclusive mode;"
            f" create table put_aside (like {table} including all); insert into put_aside select * from {table};"
            f" drop table {table} cascade; alter table put_aside rename to {plain};"
            f" alter table {plain} set schema {table.partition('.')[0]};"
            f" alter table {enrollments} add foreign key ({user}) references {table}"
            " on update cascade on delete cascade"
        ), {}

    def add_column(self) -> tuple[str, dict[str, str]]:
        table = self.names[self._dice.choice(TABLES)]
        return f"alter table {table} add column {self._new('extra')} integer default 3", {}

    def add_index(self) -> tuple[str, dict[str, str]]:
        table = self._dice.choice(TABLES)
        return f"create index on {self.names[table]} ({self.names[self._dice.choice(COLUMNS[table])]})", {}

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _new(self, what: str) -> str:
        return f"{what}_{self._next()}"
