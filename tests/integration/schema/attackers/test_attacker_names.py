"""Names are data: whatever Postgres allows goes through every command, and none of it is run."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from listener.sql import identifier, literal
from tests.conftest import Database
from tests.support.command import command
from tests.support.hostile import Called, called
from tests.support.postgres import Server

NASTY = (
    "$$; alter role school superuser; select $$",
    "$_1$; alter role school superuser; select $_1$",
    "$counted$ {row}.x $gone$",
    "$statement$; alter role school superuser; $adapter$",
    "{profiles.id}",
    '"{enrollments:schema}"."{enrollments:table}"',
    "{row}.\"x\" '{roles.role}' {:brace}",
    "{{profile_key}}{{ring}}",
    "*/ \\' \" -- %s %I\n\t$1",
    "\r back, \r\nand \n\rforth \r",
    'o\'Brien, "Ñandú"; 学🎓',
    "x" * 70,
)
"""What has been seen to break something, or to be run."""

THE_NEXT = itertools.count(1)


def standing(database: Database, names: Called) -> str:
    return database.server.psql(database.name, names.standing()).strip()


def goes_through(server: Server, name: str, names: Called, later: Called) -> None:
    """All commands, before and after everything is called something else."""
    database = Database(server, name)
    psql = partial(server.psql, name)
    told = names.settings()
    psql(names.schema_of())
    psql(names.sign_up())
    before = command(database.url, "diagnose", status=1, settings=told)
    assert "1 student has no enrollment" in before
    command(database.url, "install", "--plan", settings=told)
    script = command(database.url, "install", "--print", settings=told)
    psql(script)
    assert "already installed" in command(database.url, "install", settings=told)
    command(database.url, "sync")
    assert standing(database, names) == "1|1"
    command(database.url, "explain", "1")
    command(database.url, "sync", "--dry-run", status=0)
    psql("".join(f"{each};\n" for each in names.becoming(later)))
    psql(later.sign_up())
    command(database.url, "sync")
    assert standing(database, later) == "2|2"
    command(database.url, "status", "--full", status=1)
    command(database.url, "pending")
    command(database.url, "explain", "3")
    psql(f"truncate {later.table('enrollments')}")
    command(database.url, "install", settings={"count_rows": "all"})
    command(database.url, "sync")
    assert command(database.url, "diagnose") != ""
    assert standing(database, later) == "2|2"
    command(database.url, "sync", "--structure", "--print")
    command(database.url, "uninstall")
    assert psql("select count(*) from pg_trigger where not tgisinternal").strip() == "0"
    assert psql("select count(*) from pg_roles where rolsuper and rolname = 'school'").strip() == "0"


@pytest.fixture
def fresh(server: Server) -> Iterator[str]:
    """The name of a database that is made for each example."""
    name = f"hostile_{next(THE_NEXT)}"
    yield name
    server.psql("postgres", f"drop database if exists {name} with (force)")


def tried(server: Server, name: str, names: Called, later: Called) -> None:
    server.psql("postgres", f"drop database if exists {name} with (force)")
    server.psql("postgres", f"create database {name} template template0")
    goes_through(server, name, names, later)


@pytest.mark.parametrize("turn", [0, 3, 5])
@pytest.mark.half
def test_a_name_that_is_sql_goes_through_every_command(server: Server, fresh: str, turn: int) -> None:
    create = "create role school login; exception when duplicate_object or unique_violation then null;"
    server.psql("postgres", f"do $$ begin {create} end $$")
    names = [*NASTY[turn:], *NASTY[:turn]]
    tried(
        server, fresh, replace(Called.like(names), published="p"), replace(Called.like(names[3:], "b"), published="p")
    )


@pytest.mark.timeout(3600)
def test_any_name_goes_through_every_command(server: Server, fresh: str, request: pytest.FixtureRequest) -> None:
    @settings(
        max_examples=100 if request.config.getoption("long") else 1,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    @given(called(), called())
    def each(names: Called, later: Called) -> None:
        stays = '$$ {row}."published" \' {profiles.id}'
        tried(server, fresh, replace(names, published=stays), replace(later, published=stays))

    each()


@pytest.mark.parametrize("name", [NASTY[0], NASTY[8], NASTY[9]])
@pytest.mark.half
def test_a_role_and_a_database_of_any_name(server: Server, fresh: str, name: str) -> None:
    role, database = identifier(name), identifier(f"of {name}"[:63])
    server.psql("postgres", f"create database {fresh} template template0")
    psql = partial(server.psql, fresh)
    names = Called.like(["plain"])
    try:
        psql(f"create role {role} login; {names.schema_of()}")
        url = server.url(fresh)
        command(url, "install", "--grant-to", name, settings=names.settings())
        command(url, "install", "--print", settings=names.settings())
        assert psql(f"select has_schema_privilege({literal(name)}, 'listener', 'usage')").strip() == "t"
        command(url, "diagnose")
        server.psql("postgres", f"alter database {fresh} rename to {database}")
        url = server.url(quote(f"of {name}"[:63], safe=""))
        command(url, "install", settings=names.settings())
        command(url, "diagnose")
        command(url, "uninstall")
    finally:
        server.psql("postgres", f"drop database if exists {database} with (force)")
        server.psql("postgres", f"drop database if exists {fresh} with (force); drop role if exists {role}")


@pytest.mark.parametrize("turn", [0, 5])
@pytest.mark.half
def test_names_in_a_query_of_who_should_be_where(server: Server, fresh: str, turn: int) -> None:
    server.psql("postgres", f"create database {fresh} template template0")
    names = Called.like([*NASTY[turn:], *NASTY[:turn]])
    url, psql = server.url(fresh), partial(server.psql, fresh)
    psql(names.schema_of())
    psql(f"alter table {names.table('enrollments')} add id bigint primary key generated always as identity")
    query = (
        f"select p.{names.column('key')}, c.{names.column('course_key')} from {names.table('profiles')} as p"
        f" cross join {names.table('courses')} as c where p.{names.column('role')} = {literal(names.student)}"
        f" and c.{names.column('published')} = {literal(names.active)}"
    )
    told = {
        name: value
        for name, value in names.settings().items()
        if name not in ("student_column", "student_values", "publish_predicate")
    }
    told |= {"wanted_query": query, "on_leave": "remove", "watch": f"{names.table('courses')}(everyone)"}
    for command_ in (("install", "--plan"), ("install", "--print"), ("install",)):
        command(url, *command_, settings=told)
    psql(names.sign_up())
    command(url, "sync")
    assert standing(Database(server, fresh), names) == "1|1"
    command(url, "diagnose")
    command(url, "explain", "1")
    psql(f"update {names.table('profiles')} set {names.column('role')} = {literal(names.other)}")
    command(url, "sync")
    assert standing(Database(server, fresh), names) == "0|0"
    psql(f"truncate {names.table('profiles')} cascade; truncate {names.table('courses')} cascade")
    command(url, "sync")
    command(url, "uninstall")
