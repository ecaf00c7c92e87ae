"""One small LMS of each shape that differs: attached to, served, and left as it was."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from listener.errors import Ambiguous, ListenerError, Undecided
from listener.schema import install
from tests.conftest import Database
from tests.support.connecting import connect
from tests.support.dumping import dump_schema
from tests.support.eventually import eventually
from tests.support.postgres import Server
from tests.support.process import DaemonProcess

SCHEMAS = Path(__file__).parent / "schemas"


@dataclass(frozen=True)
class Shape:
    """What an LMS of this shape does. Statements get the student's key as `$1`, as text."""

    sign_up: str
    """Returns the key of a new student."""
    enrolled: str
    """Whether the student is enrolled, in the right course."""
    leave: str
    count: str
    """The count of the course that students land in."""
    settings: dict[str, str] = field(default_factory=dict)
    needs: type[ListenerError] | None = None
    """What install says without these settings."""


LIVE = "select sum(active_enrollments)::bigint from listener.course_live_count"

SHAPES = {
    "plain": Shape(
        "insert into profiles (role) values ('student') returning id::text",
        "select price = 10 from enrollments join courses on course_id = courses.id where user_id = $1::text::uuid",
        "delete from enrollments where user_id = $1::text::uuid",
        "select enrollments + students from courses where price = 10",
    ),
    "camel_case": Shape(
        """insert into "User" values (md5(random()::text), 'STUDENT') returning id""",
        """select "courseId" = 'open' and status = 'ACTIVE' from "Enrollment" where "userId" = $1""",
        """update "Enrollment" set status = 'DROPPED' where "userId" = $1""",
        LIVE,
    ),
    "supabase": Shape(
        "with person as (insert into auth.users values (gen_random_uuid()) returning id)"
        " insert into profiles (id) select id from person returning id::text",
        "select price_cents = 100 from enrollments join courses on course_id = courses.id"
        " where user_id = $1::text::uuid",
        "update enrollments set status = 'cancelled' where user_id = $1::text::uuid",
        "select total_enrollments + student_count from courses where price_cents = 100",
    ),
    "auth_users_only": Shape(
        "with person as (insert into auth.users default values returning id)"
        " insert into user_roles (user_id, role) select id, 'user' from person returning user_id::text",
        "select true from course_enrollments where user_id = $1::text::uuid",
        "delete from course_enrollments where user_id = $1::text::uuid",
        "select students_count from courses",
    ),
    "portuguese": Shape(
        "insert into perfis (papel) values ('aluno') returning id::text",
        "select publicado and situacao = 'ativa' from curso_matriculas join cursos on curso_id = cursos.id"
        " where aluno_id = $1::text::uuid",
        "update curso_matriculas set situacao = 'cancelada' where aluno_id = $1::text::uuid",
        LIVE,
    ),
    "decoys": Shape(
        "insert into users default values returning id::text",
        "select price = 3 and student_id like 'S%' and status = 'active' from enrollments"
        " join courses on courses.id = enrollments.course where user_id = $1::text::bigint",
        "delete from users where id = $1::text::bigint",
        "select enrollment_count from courses where price = 3",
        {"enrollment_values": "student_id=number", "active_values": "active"},
        Undecided,
    ),
    "no_foreign_keys": Shape(
        "insert into profiles (username) values (md5(random()::text)) returning username",
        "select active from course_members where username = $1",
        "update course_members set active = false where username = $1",
        "select members from courses",
    ),
    "learners": Shape(
        "insert into users (user_type) values ('learner') returning id::text",
        "select status = 'enrolled' and course_id = 2 from enrollments where student_id = $1::text::integer",
        "update enrollments set status = 'withdrawn' where student_id = $1::text::integer",
        "select enrolled_count from courses where id = 2",
    ),
    "payments": Shape(
        "insert into profiles (role) values ('student') returning id::text",
        "select payment_status = 'completed' from course_applications where profile_id = $1::text::uuid",
        "update course_applications set payment_status = 'refunded' where profile_id = $1::text::uuid",
        "select enrolledcount from courses",
        {"enrollment_table": "course_applications"},
        Undecided,
    ),
    "two_enrollment_tables": Shape(
        "insert into profiles (role) values ('student') returning id::text",
        "select true from course_enrollments where user_id = $1::text::uuid",
        "delete from course_enrollments where user_id = $1::text::uuid",
        LIVE,
        {"enrollment_table": "course_enrollments"},
        Ambiguous,
    ),
    "other_schema": Shape(
        "insert into school.profiles (role) values ('studant') returning id::text",
        "select access_status = 'active' from school.enrollments where user_id = $1::text::uuid",
        "delete from school.enrollments where user_id = $1::text::uuid",
        "select total_enrollments from school.courses",
    ),
    "tenants": Shape(
        "insert into profiles (org_id, role) values (1, 'student') returning id::text",
        "select enrollments.org_id = 1 and courses.org_id = 1 and source = 'listener'"
        " from enrollments join courses on course_id = courses.id where user_id = $1::text::uuid",
        "delete from enrollments where user_id = $1::text::uuid",
        "select enrollment_count from courses where org_id = 1",
        {"enrollment_values": "org_id = org_id; source = 'listener'", "student_values": "student"},
        Undecided,
    ),
    "partitioned": Shape(
        "insert into profiles_low values (floor(random() * 1000)::integer, 'student') returning id::text",
        "select status = 'active' from enrollments where user_id = $1::text::integer",
        "update enrollments set status = 'left' where user_id = $1::text::integer",
        "select enrollments from courses",
    ),
    "soft_deletion": Shape(
        "insert into profiles (role, approval_status) values ('student', 'approved') returning id::text",
        "select deleted_at is null from enrollments join courses on course_id = courses.id"
        " where user_id = $1::text::uuid",
        "update enrollments set status = 'left' where user_id = $1::text::uuid",
        "select enrolled_students from courses where deleted_at is null",
    ),
    "everyone": Shape(
        "insert into users (name) values ('somebody') returning id::text",
        "select price = 5 from registrations join courses on course_id = courses.id where user_id = $1::text::bigint",
        "delete from registrations where user_id = $1::text::bigint",
        LIVE,
    ),
    "role_table": Shape(
        "with person as (insert into profiles default values returning user_id)"
        " insert into user_roles (user_id) select user_id from person returning user_id::text",
        "select status = 'active' from enrollments where user_id = $1::text::uuid",
        "update enrollments set status = 'left' where user_id = $1::text::uuid",
        "select total_students from courses",
    ),
    "chosen_course": Shape(
        "insert into profiles (role) values ('student') returning id::text",
        "select course_slug = 'begin-here' from enrollments where user_id = $1::text::uuid",
        "delete from enrollments where user_id = $1::text::uuid",
        "select student_count from courses where slug = 'begin-here'",
        {"default_course": "begin-here", "count_rows": "all", "student_values": "student"},
        Undecided,
    ),
    "own_statistics": Shape(
        "insert into profiles (role) values ('student') returning id::text",
        "select status from enrollments where user_id = $1::text::uuid",
        "update enrollments set status = false where user_id = $1::text::uuid",
        "select students from courses",
    ),
}


def test_every_schema_has_a_shape() -> None:
    assert sorted(SHAPES) == sorted(path.stem for path in SCHEMAS.glob("*.sql"))


def supabase_roles(server: Server) -> None:
    """The two roles that everybody has there."""
    for role in ("anon", "authenticated"):
        server.psql(
            "postgres",
            f"do $$ begin create role {role}; exception when duplicate_object then null; end $$",
        )


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.quarter
async def test_attach_serve_and_leave(
    name: str, make_database: Callable[..., Database], start_daemon: Callable[..., DaemonProcess]
) -> None:
    shape, database = SHAPES[name], make_database(empty=True)
    supabase_roles(database.server)
    database.server.psql(database.name, (SCHEMAS / f"{name}.sql").read_text())
    before = dump_schema(database)
    connection = await connect(database.url)
    try:
        if shape.needs is not None:
            with pytest.raises(shape.needs):
                await install.plan(connection, {})
        plan = await install.plan(connection, shape.settings)
        assert await install.install(connection, plan)
        assert (await install.plan(connection, {})).is_done

        daemon = start_daemon(database).wait_ready("leading")
        students = [await connection.fetchval(shape.sign_up) for _ in range(3)]
        for student in students:
            await eventually(connection, shape.enrolled, student, equals=True)
        columns = len(plan.mapping.count_columns) or 1
        await eventually(connection, shape.count, equals=3 * columns)
        await connection.execute(shape.leave.replace("$1", f"'{students[0]}'"))
        await eventually(connection, shape.count, equals=2 * columns)
        assert await connection.fetch("select * from listener.course_drift") == []
        assert daemon.stop() == 0

        assert await install.uninstall(connection)
    finally:
        await connection.close()
    assert dump_schema(database) == before
