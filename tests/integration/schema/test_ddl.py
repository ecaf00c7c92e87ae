"""Whatever DDL an LMS runs, nothing of it fails, and no statement after it, that does not fail without the listener."""

from collections.abc import Callable, Iterator

import asyncpg
import pytest

from listener.schema import install
from listener.sql import identifier
from tests.conftest import Database
from tests.integration.schema.test_schemas import SCHEMAS, SHAPES, supabase_roles
from tests.support.beside import TRIGGERS, beside, committed, rolled_back
from tests.support.ddl.kinds import followable, kinds
from tests.support.ddl.replaying import replay, served
from tests.support.dumping import dump_schema
from tests.support.lms_statements import Statements
from tests.support.postgres import Server
from tests.support.project import SUPPORT

ROLES = ("lms_owner", "lms_other", "lms_stranger", "lms_app", "lms_daemon")
"""Who owns the tables and runs the migrations; who may come to own them; the application; the daemon."""

GRANTS = """
grant lms_other to lms_owner;
grant create on schema public to lms_other;
set role lms_owner;
alter default privileges grant all on tables to lms_app;
alter default privileges grant all on sequences to lms_app;
alter default privileges grant usage on schemas to lms_app, lms_other;
"""

SHARE = 24
"""Of so many kinds of DDL, one is replayed on a schema."""

REFUSED = {"role_table": 1, "auth_users_only": 1}
"""Statements that these schemas refuse by themselves: a key that another table refers to is changed."""


STUDENTS = {"student_values": "student"}

SETTINGS = {name: shape.settings for name, shape in SHAPES.items()} | {
    "users_case": {},
    "domains": STUDENTS,
    "inherited": STUDENTS,
}


@pytest.fixture
def pairs(server: Server) -> Iterator[Callable[[str], tuple[Database, Database]]]:
    """Makes two databases of a schema, owned by an ordinary role, with the same rows: (for the listener, without)."""
    made: list[str] = []
    supabase_roles(server)
    for role in ROLES:
        server.psql(
            "postgres", f"do $$ begin create role {role} login; exception when duplicate_object then null; end $$"
        )

    def make(name: str) -> tuple[Database, Database]:
        text = next(
            path
            for path in (SCHEMAS / f"{name}.sql", SUPPORT / f"{name}.sql", SUPPORT / "schemas" / f"{name}.sql")
            if path.exists()
        )
        names = [f"ddl_{name}_without", f"ddl_{name}"]
        made.extend(names)
        server.psql("postgres", f"create database {names[0]} owner lms_owner")
        server.psql(names[0], GRANTS + text.read_text())
        server.psql(names[0], "revoke create on schema public from lms_owner; alter schema public owner to lms_owner")
        return Database(server, names[1]), Database(server, names[0])

    yield make
    for name in made:
        server.psql("postgres", f"drop database if exists {name} with (force)")


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.quarter
async def test_no_migration_is_refused_and_no_statement_after_it(
    name: str, pairs: Callable[[str], tuple[Database, Database]], request: pytest.FixtureRequest
) -> None:
    """Each kind of DDL on each schema with `--long`; else every SHARE-th, another share for each schema."""
    all_of_them = request.config.getoption("--long")
    side = await beside(pairs(name), SETTINGS[name])
    wrong: list[str] = []
    try:
        async with rolled_back(side.listener, side.without):
            statements = Statements(side.lms, side.lms.tables).everyday()
            outcomes = await side.both(statements, role="lms_owner")
        refused = [statement for statement, (code, _) in zip(statements, outcomes, strict=True) if code]
        assert not side.found, "\n".join(side.found)
        assert len(refused) <= REFUSED.get(name, 0), refused
        for number, kind in enumerate(kinds(side.lms), [*SETTINGS].index(name)):
            if not all_of_them and number % SHARE:
                continue
            side.found.clear()
            try:
                async with rolled_back(side.listener, side.without):
                    await replay(side, kind, thorough=all_of_them or number % (SHARE * 3) == 0)
            except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                side.found.append(f"{type(error).__name__}: {error}")
            wrong += [f"{kind.name}: {each}" for each in side.found]
    finally:
        side.listener.terminate()
        side.without.terminate()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.quarter
async def test_a_history_of_renames_is_followed_and_nothing_of_it_is_left_behind(
    name: str, pairs: Callable[[str], tuple[Database, Database]]
) -> None:
    """Every column and every table gets another name, committed one by one, with sign-ups in between."""
    pair = pairs(name)
    side = await beside(pair, SETTINGS[name])
    try:
        for number, kind in enumerate(followable(side.lms)):
            async with committed(side.listener, side.without):
                outcomes = await side.both(list(kind.statements), role="lms_owner")
            assert [code for code, _ in outcomes] == [""] * len(outcomes), kind.name
            statements = Statements(side.lms, await side.tables())
            async with committed(side.listener, side.without):
                await side.both(statements.sign_up(201 + number), role="lms_app")
            if number % 3 == 0:
                async with committed(side.listener):
                    await side.listener.execute("set local role lms_daemon")
                    await side.listener.fetch("select * from listener.follow()")
        assert not side.found, "\n".join(side.found)
        async with committed(side.listener):
            await side.listener.execute("set local role lms_daemon")
            await side.listener.fetch("select * from listener.follow()")
            assert await side.listener.fetch("select * from listener.binding_problems()") == []
        signed_up = tuple(range(201, 201 + number + 1))
        async with committed(side.listener):
            await served(side, side.lms.mapping, signed_up)
        assert not side.found, "\n".join(side.found)

        await side.listener.execute("set role lms_owner")
        plan = await install.plan(side.listener, {}, take_over=True)
        await install.install(side.listener, plan)
        assert (await install.plan(side.listener, {}, take_over=True)).is_done
        assert await install.uninstall(side.listener)
        for table, trigger in await side.without.fetch(TRIGGERS, side.taken_over):
            await side.without.execute(f"alter table {table} enable trigger {identifier(trigger)}")
        assert dump_schema(pair[0]) == dump_schema(pair[1])
    finally:
        side.listener.terminate()
        side.without.terminate()
