"""A guest changes nothing unasked: every shape of LMS as pg_dump writes it, before and after."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pytest

from listener.mapping.mapping import Mapping, Table
from listener.sql import literal
from tests.conftest import Database
from tests.integration.schema.test_schemas import SCHEMAS, SHAPES, supabase_roles
from tests.support.command import command
from tests.support.connecting import parsed
from tests.support.project import SUPPORT

USERS_CASE = SUPPORT / "users_case.sql"
SIGN_UPS = 3

IN_THE_WAY = {
    "no_foreign_keys": """
        insert into course_members select 'nobody', id, true from courses;
        insert into course_members values ('nobody', 77, true), ('nobody', 77, false)
    """,
    "payments": """
        insert into course_applications (profile_id, course_id, payment_status, created_at)
        select profiles.id, courses.id, 'completed', now()
        from (select id from profiles limit 1) as profiles, courses, generate_series(1, 3)
    """,
}
"""Rows that keys would not allow, where the LMS has no such keys."""

COPY = re.compile(r"^COPY (\S+) \((.*?)\) FROM stdin;$")
CHANGE = re.compile(
    r"ALTER TABLE (ONLY )?(?P<table>\S+) ADD CONSTRAINT (?P<name>\S+) "
    r"|CREATE (UNIQUE )?INDEX (?P<index_name>\S+) ON (ONLY )?(?P<index_table>\S+) "
    r"|ALTER INDEX (?P<index>\S+) ATTACH PARTITION "
)


@dataclass
class Dump:
    """What pg_dump writes of a database, schema `listener` apart."""

    statements: set[str] = field(default_factory=set)
    rows: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """Of each table."""
    sequences: set[str] = field(default_factory=set)


def dump(database: Database) -> Dump:
    """The LMS as it is now: its schema, and every row of it."""
    program = str(database.server.program("pg_dump"))
    schema, data = (
        subprocess.run(
            [program, part, "--exclude-schema=listener", database.url], check=True, capture_output=True, text=True
        ).stdout
        for part in ("--schema-only", "--data-only")
    )
    result = Dump()
    plain = "\n".join(line for line in schema.splitlines() if line and not line.startswith(("--", "\\")))
    result.statements = {" ".join(each.split()) for each in re.split(r";$", plain, flags=re.MULTILINE)}
    rows: list[dict[str, str]] | None = None
    columns: list[str] = []
    for line in data.splitlines():
        copied = COPY.match(line)
        if copied:
            columns = copied[2].split(", ")
            rows = result.rows.setdefault(copied[1], [])
        elif line == "\\.":
            rows = None
        elif rows is not None:
            rows.append(dict(zip(columns, line.split("\t"), strict=True)))
        elif "setval" in line:
            result.sequences.add(line)
    return result


@dataclass(frozen=True)
class Guest:
    """A database with students who were missed, and the listener installed since."""

    database: Database
    mapping: Mapping
    tables: dict[str, list[str]]
    """The enrollments' and the courses' tables as pg_dump names them, with their partitions."""

    def ask(self, query: str) -> int:
        """The answer to a query."""
        return int(self.database.server.psql(self.database.name, query))

    def enrollments(self, dumped: Dump) -> list[dict[str, str]]:
        """All enrollments."""
        return [row for table in self.tables["enrollments"] for row in dumped.rows.get(table, [])]

    def others(self, dumped: Dump) -> dict[str, list[dict[str, str]]]:
        """All other rows, but for the counts."""
        counts = {f'"{name}"' for name in self.mapping.count_columns} | set(self.mapping.count_columns)
        return {
            table: sorted(
                (
                    {
                        name: value
                        for name, value in row.items()
                        if table not in self.tables["courses"] or name not in counts
                    }
                    for row in rows
                ),
                key=repr,
            )
            for table, rows in dumped.rows.items()
            if table not in self.tables["enrollments"]
        }

    def other_sequences(self, dumped: Dump) -> set[str]:
        """Where all sequences stand, but for those that number the enrollments."""
        return {
            each
            for each in dumped.sequences
            if not any(each.startswith(f"SELECT pg_catalog.setval('{table}_") for table in self.tables["enrollments"])
        }


TABLES = """
select format('%I.%I', namespace.nspname, class.relname)
from (
    select {table}::regclass::oid as oid
    union
    select relid from pg_partition_tree({table}::regclass)
) as part
join pg_class as class using (oid)
join pg_namespace as namespace on namespace.oid = class.relnamespace
order by class.relispartition, class.relname
"""
"""A table first, then its partitions."""


@pytest.fixture(params=[*SHAPES, "users_case"])
def guest(request: pytest.FixtureRequest, make_database: Callable[..., Database]) -> Guest:
    name, database = request.param, make_database(empty=True)
    supabase_roles(database.server)
    if name == "users_case":
        database.server.psql(database.name, USERS_CASE.read_text())
        settings: dict[str, str] = {}
    else:
        shape = SHAPES[name]
        database.server.psql(database.name, (SCHEMAS / f"{name}.sql").read_text())
        for _ in range(SIGN_UPS):
            database.server.psql(database.name, shape.sign_up)
        database.server.psql(database.name, IN_THE_WAY.get(name, ""))
        settings = shape.settings
    command(database.url, "install", "--take-over", settings=settings)
    ask = partial(database.server.psql, database.name)
    mapping = Mapping.from_json(parsed(ask("select mapping from listener.installation")))

    def parts(table: Table) -> list[str]:
        return ask(TABLES.format(table=literal(str(table)))).split()

    tables = {"enrollments": parts(mapping.enrollment_table), "courses": parts(mapping.course_table)}
    return Guest(database, mapping, tables)


@pytest.mark.quarter
def test_sync_changes_enrollments_and_counts_alone(guest: Guest) -> None:
    missing = "select count(*) from listener.astray()"
    missed = guest.ask(missing)
    assert missed > 0
    before = dump(guest.database)
    assert guest.enrollments(before) or guest.others(before)
    command(guest.database.url, "sync")
    after = dump(guest.database)

    assert after.statements == before.statements
    assert guest.others(after) == guest.others(before)
    assert guest.other_sequences(after) == guest.other_sequences(before)
    new = [row for row in guest.enrollments(after) if row not in guest.enrollments(before)]
    assert all(row in guest.enrollments(after) for row in guest.enrollments(before))
    assert len(new) == len(guest.enrollments(after)) - len(guest.enrollments(before)) == missed
    assert guest.ask(missing) == 0
    assert guest.ask("select count(*) from listener.course_drift") == 0
    assert guest.ask("select count(*) from listener.quarantine") == 0


@pytest.mark.quarter
def test_structure_changes_what_it_listed_alone_and_its_migration_does_the_same(
    guest: Guest, make_database: Callable[..., Database]
) -> None:
    before = dump(guest.database)
    url = guest.database.url
    listed = command(url, "sync", "--structure", "--dry-run", status=1)
    migration = command(url, "sync", "--structure", "--print")
    assert dump(guest.database) == before

    copy = make_database(empty=True)
    server = copy.server
    server.psql("postgres", f"drop database {copy.name}")
    server.copy(guest.database.name, copy.name)
    server.psql(copy.name, f"begin;\n{migration}\ncommit;")
    command(url, "sync", "--structure")
    after = dump(guest.database)
    assert after.statements == dump(copy).statements

    for statement in before.statements ^ after.statements:
        found = CHANGE.match(statement)
        assert found, statement
        changed, name = found["table"] or found["index_table"], found["name"] or found["index_name"] or found["index"]
        assert changed is None or changed in guest.tables["enrollments"], statement
        if changed == guest.tables["enrollments"][0]:
            assert name.rpartition(".")[2].strip('"') in listed, statement
    assert guest.others(after) == guest.others(before)

    gone = [row for row in guest.enrollments(before) if row not in guest.enrollments(after)]
    assert len(gone) == guest.ask("select count(*) from listener.quarantine")
    assert bool(gone) == ("to listener.quarantine" in listed)
    assert "nothing to do" in command(url, "sync", "--structure", "--print")
    assert "has nothing to do" in command(url, "sync", "--structure", "--dry-run")
    assert dump(guest.database) == after
