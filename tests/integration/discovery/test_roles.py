"""Who is a student, where roles stand in tables of their own, and beside people who are there no more."""

import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import discover
from listener.mapping.mapping import Mapping
from tests.support.guessing import COURSES, ENROLLED, told

USERS = "create table users (id integer primary key generated always as identity, name text);"


@pytest.fixture
async def school(empty_database: Connection) -> Connection:
    """A school whose people have no role by themselves."""
    await empty_database.execute(USERS + COURSES + ENROLLED)
    return empty_database


def rule(mapping: Mapping) -> str:
    """The condition, for people."""
    return mapping.is_student.replace('{row}."', "").replace('"', "")


@pytest.mark.parametrize(
    ("roles", "named", "column", "student"),
    [
        ("roles (id integer primary key, name text)", "name", "role_id", "student"),
        (
            'roles (id integer primary key, slug text, "createdBy" integer references users)',
            "slug",
            '"roleId"',
            "Learner",
        ),
        ("papeis (id integer primary key, nome text)", "nome", "papel_id", "Aluno"),
        ("rollen (id integer primary key, bezeichnung text)", "bezeichnung", "rolle_id", "Schüler"),
    ],
)
@pytest.mark.parametrize("by", ["profile", "table"])
async def test_a_role_by_reference(
    school: Connection, roles: str, named: str, column: str, student: str, by: str
) -> None:
    name = roles.split()[0]
    await school.execute(f"create table {roles}")
    of_role = f"{column} integer references {name}"
    if by == "profile":
        await school.execute(f"alter table users add {of_role}")
    else:
        await school.execute(
            f"create table user_roles (assigned_by integer references users, user_id integer references users,"
            f" {of_role}, revoked_at timestamptz, expires_at timestamptz, is_active boolean)"
        )
    said = await told(school)
    assert f"refers to public.{name}, which says no name of a role yet" in said
    await school.execute(f"insert into {name} (id, {named}) values (1, 'admin'), (7, '{student}')")
    mapping = await discover(school)
    condition = rule(mapping)
    assert f"{column.strip(chr(34))} in ('7')" in condition
    assert (mapping.role_key == "user_id") == (by == "table")
    if by == "table":
        for part in ("revoked_at is null", "(expires_at is null or expires_at > now())", "is_active is not false"):
            assert part in condition
    await school.execute(f"delete from {name} where id = 7")
    said = await told(school)
    assert "none of these is called student: admin" in said
    settings = {"student_predicate": f"{column} = 1"} | ({"student_table": "user_roles"} if by == "table" else {})
    assert "= 1" in rule(await discover(school, settings))


async def test_roles_of_any_model(school: Connection) -> None:
    await school.execute(
        "create table roles (id bigint primary key, name text); insert into roles values (2, 'student');"
        "create table model_has_roles (role_id bigint references roles, model_type text, model_id integer)"
    )
    said = await told(school)
    assert "public.model_has_roles.model_type says whose role it is, and has no row yet" in said
    settings = {"student_table": "model_has_roles", "student_key": "model_id", "student_predicate": "role_id = 2"}
    assert (await discover(school, settings)).role_key == "model_id"
    await school.execute(r"insert into model_has_roles values (2, 'App\Models\User', 1), (2, 'App\Models\Team', 1)")
    mapping = await discover(school)
    assert mapping.role_key == "model_id"
    assert rule(mapping) == r"role_id in ('2') and model_type in (E'App\\Models\\User')".replace("E'", " E'")


@pytest.mark.parametrize("column", ["role_type", "role_name", "tipo_perfil", "benutzerrolle"])
async def test_a_role_under_another_name(school: Connection, column: str) -> None:
    await school.execute(f"alter table users add {column} text check ({column} in ('teacher', 'student'))")
    assert rule(await discover(school)) == f"{column} in ('student')"


async def test_supabases_own_table_of_roles(empty_database: Connection) -> None:
    await empty_database.execute(
        """
        create schema auth; create table auth.users (id uuid primary key);
        create type app_role as enum ('admin', 'teacher', 'student');
        create table profiles (id uuid primary key references auth.users, banned_until timestamptz, is_banned boolean);
        create table user_roles (
            id bigint primary key, user_id uuid not null references auth.users, role app_role, unique (user_id, role)
        );
        """
    )
    await empty_database.execute(COURSES)
    await empty_database.execute(
        "create table enrollments (user_id uuid references profiles, course_id integer references courses)"
    )
    mapping = await discover(empty_database)
    assert mapping.role_table is not None
    assert (mapping.role_table.name, mapping.role_key, rule(mapping)) == (
        "user_roles",
        "user_id",
        "role in ('student')",
    )
    # Beside a table of roles the profile is looked at, too.
    person = mapping.is_person.replace('{row}."', "").replace('"', "")
    assert person == "is_banned is not true and (banned_until is null or banned_until <= now())"
    mapping = await discover(empty_database, {"person_predicate": "banned_until is null"})
    assert (mapping.is_person, rule(mapping)) == ("({row}.banned_until IS NULL)", "role in ('student')")


@pytest.mark.parametrize(
    ("column", "condition"),
    [
        ("status text not null check (status in ('active', 'suspended'))", "status in ('active')"),
        ("situacao text check (situacao in ('ativo', 'trancado'))", "(situacao is null or situacao in ('ativo'))"),
        (
            "account_status text check (account_status in ('Active', 'Banned', 'Deleted'))",
            "account_status in ('Active')",
        ),
        ("estado text check (estado in ('activo', 'retirado', 'transferido'))", "estado in ('activo')"),
    ],
)
async def test_a_person_who_has_left_is_no_student(school: Connection, column: str, condition: str) -> None:
    await school.execute(f"alter table users add {column}, add role text default 'student'")
    assert condition in rule(await discover(school))
    given = rule(await discover(school, {"person_predicate": "name is not null"}))
    assert "name IS NOT NULL" in given
    assert condition not in given


async def test_the_table_that_says_roles_goes_before_others_named_for_them(school: Connection) -> None:
    await school.execute("create table dev_role_sessions (user_id integer references users, impersonated text)")
    await school.execute(
        "alter table users add approval_status text check (approval_status in ('pending', 'approved'))"
    )
    of_staff = "create table user_roles (user_id integer references users, role_type text check (role_type in ({})))"
    await school.execute(of_staff.format("'admin', 'docente'"))
    assert "public.user_roles.role_type has no such value, only admin, docente" in await told(school)
    await school.execute("drop table user_roles")
    await school.execute(of_staff.format("'admin', 'aluno'"))
    mapping = await discover(school)
    assert mapping.role_table is not None
    assert "role_type in ('aluno')" in rule(mapping)
