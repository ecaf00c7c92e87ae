"""Rows that do not count any more: deleted softly, dropped, archived, revoked; under names in several languages."""

import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import discover
from tests.support.guessing import COURSES, ENROLLED, PEOPLE, told

ROLES = """create table user_roles (
    user_id integer not null references users, role text check (role in ('student', 'teacher')), {more}
);"""


@pytest.fixture
async def school(empty_database: Connection) -> Connection:
    """A plain school."""
    await empty_database.execute(PEOPLE + COURSES + ENROLLED)
    return empty_database


@pytest.mark.parametrize(
    ("column", "condition"),
    [
        ("deleted_at timestamptz", "deleted_at is null"),
        ("removed_at timestamp", "removed_at is null"),
        ("dropped_on date", "dropped_on is null"),
        ("cancelado_em timestamptz", "cancelado_em is null"),
        ("geloscht_am timestamptz", "geloscht_am is null"),
        ("is_withdrawn boolean", "is_withdrawn is not true"),
        ('"deletedAt" timestamptz', '"deletedAt" is null'),
        ("is_active boolean generated always as (true) stored", "is_active is true"),
        ("ativa boolean generated always as (true) stored", "ativa is true"),
        ("eliminado_en timestamptz", "eliminado_en is null"),
        ("supprime_le timestamptz", "supprime_le is null"),
    ],
)
async def test_an_enrollment_that_ended_does_not_count(school: Connection, column: str, condition: str) -> None:
    await school.execute(f"alter table enrollments add {column}")
    mapping = await discover(school)
    assert mapping.is_active.replace('{row}."', '"').replace('"', "") == condition.replace('"', "")
    assert mapping.active_values == ()
    await school.execute("alter table enrollments add status text check (status in ('active', 'paused'))")
    mapping = await discover(school, {"enrollment_status": "status"})
    assert mapping.active_values == ("active",)
    if "generated" not in column:
        assert "active" in mapping.is_active
        assert condition.split()[0].strip('"') in mapping.is_active
    assert (await discover(school, {"enrollment_status": "none"})).is_active == "true"


@pytest.mark.parametrize("column", ["is_deleted boolean", "geloescht boolean not null", '"isCancelled" boolean'])
async def test_a_new_enrollment_says_that_it_has_not_ended(school: Connection, column: str) -> None:
    """The LMS's own code asks for `is_deleted = false`, and does not see null."""
    name = column.split()[0].strip('"')
    await school.execute(f"alter table enrollments add {column}")
    assert (await discover(school)).extra_values == {name: "false"}
    assert (await discover(school, {"enrollment_values": f'"{name}"=role is null'})).extra_values != {name: "false"}
    await school.execute(f"alter table enrollments alter {column.split()[0]} set default false")
    assert (await discover(school)).extra_values == {}


@pytest.mark.parametrize(
    ("column", "condition"),
    [
        ("archived boolean", "archived is not true"),
        ("is_archived boolean", "is_archived is not true"),
        ("archived_at timestamptz", "archived_at is null"),
        ("is_template boolean", "is_template is not true"),
        ("is_blueprint boolean", "is_blueprint is not true"),
        ("is_deleted boolean", "is_deleted is not true"),
        ("rascunho boolean", "rascunho is not true"),
        ("archiviert_am timestamptz", "archiviert_am is null"),
    ],
)
@pytest.mark.parametrize("published", [False, True])
@pytest.mark.half
async def test_nobody_lands_in_a_course_that_is_archived_or_none(
    school: Connection, column: str, condition: str, *, published: bool
) -> None:
    await school.execute(f"alter table courses add {column}")
    if published:
        await school.execute("alter table courses add published boolean")
    said = (await discover(school)).is_available.replace('{row}."', "").replace('"', "")
    assert condition in said
    assert ("published is true" in said) == published


@pytest.mark.parametrize(
    ("column", "condition"),
    [
        ("revoked_at timestamptz", "revoked_at is null"),
        ("is_active boolean", "is_active is not false"),
        ("suspendido boolean", "suspendido is not true"),
    ],
)
async def test_a_role_that_was_revoked_makes_nobody_a_student(
    empty_database: Connection, column: str, condition: str
) -> None:
    await empty_database.execute("create table users (id integer primary key generated always as identity);")
    await empty_database.execute(COURSES + ENROLLED + ROLES.format(more=column))
    mapping = await discover(empty_database)
    assert mapping.role_table is not None
    assert condition in mapping.is_student.replace('{row}."', "").replace('"', "")


@pytest.mark.parametrize(
    "column",
    ["banned_at timestamptz", "deactivated_at timestamptz", "is_anonymous boolean", "transferred boolean",
     "gesperrt boolean", "anonymized_at timestamptz"],
)  # fmt: skip
async def test_a_person_who_is_shut_out_is_no_student(school: Connection, column: str) -> None:
    await school.execute(f"alter table users add {column}")
    assert column.split()[0] in (await discover(school)).is_student


@pytest.mark.parametrize(
    ("column", "seen"),
    [
        ("status smallint", "public.enrollments.status may be any smallint"),
        ("situacao smallint", "public.enrollments.situacao may be any smallint"),
        ("statut integer", "public.enrollments.statut may be any integer"),
        (
            "transit_status text check (transit_status in ('not_started', 'dropped'))",
            "public.enrollments.transit_status has no such value, only not_started, dropped",
        ),
        ("enrolment_estado text check (enrolment_estado in ('uno', 'dos'))", "only uno, dos"),
    ],
)
async def test_a_status_that_is_not_understood_is_asked_about(school: Connection, column: str, seen: str) -> None:
    await school.execute(f"alter table enrollments add {column}")
    said = await told(school)
    assert "cannot tell which enrollments are active" in said
    assert seen in said
    given = "1" if "may be any" in seen else seen.split()[-1]
    mapping = await discover(school, {"active_values": given})
    assert mapping.active_values == (given,)
    assert mapping.enrollment_status == column.split()[0]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("enrollments", "estado_tramite text check (estado_tramite in ('no_iniciado', 'en_curso', 'abandonado'))"),
        ("enrollments", "journey_stage text check (journey_stage in ('new', 'learning', 'quit'))"),
        ("enrollments", "fase text"),
        ("enrollments", "status_code smallint"),
        ("enrollments", "validity tstzrange not null default tstzrange(now(), null)"),
        ("enrollments", "gueltig daterange"),
        ("enrollments", """meta jsonb default '{"enabled": true}'"""),
        ("enrollments", "superseded_by integer references enrollments_of_old"),
        ("enrollments", "transferred_to_id uuid"),
        ("enrollments", "has_left boolean"),
        ("enrollments", "exit_date date"),
        ("enrollments", "terminated_at timestamptz"),
        ("enrollments", "is_del smallint"),
        ("enrollments", "capacity text check (capacity in ('participant', 'facilitator'))"),
        ("enrollments", "gekuendigt_am date"),
        ("enrollments", "estornado_em timestamptz"),
        ("enrollments", "is_audit boolean not null default false"),
        ("enrollments", "access_level text check (access_level in ('full', 'nothing'))"),
        ("enrollments", "kind text check (kind in ('regular', 'trial'))"),
        ("enrollments", "flags integer not null default 0"),
        ("enrollments", "waitlist_position integer"),
        ("enrollments", "cancel_reason text"),
        ("courses", "review_status text check (review_status in ('approved', 'pending'))"),
        ("courses", "audience text check (audience in ('students', 'teachers'))"),
        ("courses", "ausgebucht boolean not null default false"),
        ("courses", "inscripciones_hasta date"),
        ("users", "is_approved boolean not null default true"),
        ("users", "matriculado boolean"),
        ("users", "erased_at timestamptz"),
        ("users", "status_id integer"),
        ("courses", "visibility smallint not null default 0"),
        ("courses", "visibilite text check (visibilite in ('publique', 'privee'))"),
        ("courses", "lifecycle_stage text check (lifecycle_stage in ('planning', 'over'))"),
        ("courses", "inscripciones_cerradas boolean"),
        ("courses", "hidden_at timestamptz"),
        ("users", "desligado boolean"),
        ("users", "date_depart date"),
        ("users", "merged_into_id integer"),
        ("users", "motivo_baja text"),
        ("users", "nature text check (nature in ('human', 'bot'))"),
        ("courses", "sichtbar smallint"),
        ("courses", "deleted_by integer references users"),
        ("courses", "enrollment_window tstzrange"),
        ("users", "account_state text check (account_state in ('ok', 'frozen', 'odd'))"),
        ("users", """flags jsonb default '{"banned": false}'"""),
    ],
)
@pytest.mark.half
async def test_what_reads_like_a_state_is_asked_about_whatever_its_type(
    school: Connection, table: str, column: str
) -> None:
    await school.execute("create table enrollments_of_old (id integer primary key)")
    await school.execute(f"alter table {table} add {column}")
    name = column.split()[0]
    said = await told(school)
    assert f"public.{table}.{name}" in said
    setting = said.split("Set LISTENER_")[1].split("_PREDICATE")[0] if "_PREDICATE" in said else "ACTIVE"
    condition = f"{name} is not null or role is null" if table == "users" else f"{name} is not null"
    found = await discover(school, {f"{setting.lower()}_predicate": condition})
    assert name in f"{found.is_active} {found.is_available} {found.is_student}"


@pytest.mark.parametrize(
    "column",
    [
        "deleted_by integer references users, add deleted_at timestamptz",
        "previous_status text",
        "learning_stage text",
        "enable_a_p_i_key boolean",
        """meta jsonb default '{"theme": 1}'""",
    ],
)
async def test_what_says_nothing_of_its_own_is_not_asked_about(school: Connection, column: str) -> None:
    await school.execute(f"alter table enrollments add {column}")
    await discover(school)


@pytest.mark.parametrize("column", ["hasta date", "gilt_bis date", "starts_at date", "confere boolean"])
async def test_whatever_may_end_a_role_is_asked_about(empty_database: Connection, column: str) -> None:
    await empty_database.execute("create table users (id integer primary key generated always as identity);")
    await empty_database.execute(COURSES + ENROLLED + ROLES.format(more=column))
    assert f"user_roles.{column.split()[0]}" in await told(empty_database)


@pytest.mark.parametrize(
    "column",
    [
        "grupo text check (grupo in ('alumnos', 'profesores'))",
        "category text default 'teacher'",
        "user_kind smallint",
        "permissions text[]",
        "is_staff smallint",
    ],
)
async def test_what_may_be_a_role_under_another_name_is_asked_about(empty_database: Connection, column: str) -> None:
    name = column.split()[0]
    said = await told(empty_database, f"create table users (id integer primary key, {column});", COURSES, ENROLLED)
    assert f"cannot tell who is a student: public.users.{name} " in said
    found = await discover(empty_database, {"student_predicate": f"{name} is not null"})
    assert name in found.is_student


async def test_a_level_of_students_is_no_role(empty_database: Connection) -> None:
    await empty_database.execute("create table students (id integer primary key, level integer);" + COURSES)
    await empty_database.execute(ENROLLED.replace("users", "students"))
    assert (await discover(empty_database)).is_student == "true"


@pytest.mark.parametrize("name", ["purchases", "course_subscriptions", "orders", "applications", "compras", "achats"])
@pytest.mark.parametrize("has_amount", [True, False])
@pytest.mark.half
async def test_a_table_of_payments_is_asked_about(empty_database: Connection, name: str, *, has_amount: bool) -> None:
    await empty_database.execute(PEOPLE + COURSES + ENROLLED.replace("enrollments", name))
    if has_amount:
        await empty_database.execute(f"alter table {name} add amount numeric default 0")
    said = await told(empty_database)
    assert name in said
    assert "LISTENER_ENROLLMENT_TABLE" in said
    mapping = await discover(empty_database, {"enrollment_table": name})
    assert mapping.enrollment_table.name == name


@pytest.mark.parametrize("column", ["role", "papel", "member_type"])
async def test_teachers_among_the_enrollments_are_not_counted(school: Connection, column: str) -> None:
    await school.execute(f"alter table enrollments add {column} text check ({column} in ('teacher', 'student'))")
    said = await told(school)
    assert f"LISTENER_ENROLLMENT_VALUES=\"{column}='student'\"" in said
    for settings in ({"enrollment_values": f"{column}='student'"}, {}):
        mapping = await discover(school, settings)
        counted = mapping.is_counted.replace('{row}."', "").replace('"', "").replace("::text", "")
        assert f"{column} in ('student')" in counted
        await school.execute(f"alter table enrollments alter {column} set default 'student'")


async def test_a_condition_by_hand_says_which_enrollments_count(school: Connection) -> None:
    await school.execute("alter table enrollments add status text, add ends_on date, add dropped_at timestamptz")
    mapping = await discover(school, {"active_predicate": "ends_on is null", "active_values": "in"})
    assert mapping.is_active == "({row}.ends_on IS NULL)"
    assert (mapping.enrollment_status, mapping.active_values) == ("status", ("in",))
    mapping = await discover(school, {"active_predicate": "ends_on is null"})
    assert (mapping.enrollment_status, mapping.active_values) == (None, ())


@pytest.mark.parametrize(
    ("values", "active"),
    [
        ("'enrolled', 'in_progress', 'completed'", ("enrolled", "in_progress")),
        ("'ASSIGNED', 'Enrolled', 'IN_PROGRESS', 'LOCKED'", ("Enrolled", "IN_PROGRESS")),
        ("'inscrito', 'em_andamento', 'concluido'", ("inscrito", "em_andamento")),
        ("'active', 'dropped'", ("active",)),
    ],
)
async def test_an_enrollment_still_counts_once_somebody_has_begun(
    school: Connection, values: str, active: tuple[str, ...]
) -> None:
    await school.execute(f"create type standing as enum ({values}); alter table enrollments add status standing")
    assert (await discover(school)).active_values == active
