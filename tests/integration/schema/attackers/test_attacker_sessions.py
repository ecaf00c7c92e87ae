"""Somebody may create in `public`: no command looks a function, an operator or a cast up where he may have put one."""

import pytest

from tests.support.mallory import TAKE, Mallory
from tests.support.pgbouncer import PROGRAM, PgBouncer
from tests.support.process import listener

# For none of these pairs has pg_catalog an operator of its own, or it has one that a cast leads to.
PAIRS = (
    ("oid", "regclass"),
    ("oid", "regnamespace"),
    ("oid", "regtype"),
    ("oid", "regproc"),
    ("oid", "regrole"),
    ("regclass", "oid"),
    ("regnamespace", "oid"),
    ("regproc", "oid"),
    ("regtype", "oid"),
    ("name", "varchar"),
    ("varchar", "name"),
    ('"char"', "text"),
    ("smallint", "oid"),
    ("integer", "oid"),
)
OPERATORS = ("=", "<>")
OVERLOADS = (
    ("format_type", "oid, integer"),
    ("pg_get_userbyid", "regrole"),
    ("count", "name"),
    ("lower", "varchar"),
    ("unnest", "int2[]"),
    ("array_agg", "name"),
    ("to_regclass", "varchar"),
    ("quote_ident", "name"),
    ("format", "text, name, name"),
    ("coalesce_names", "name"),
    ("pg_has_role", "oid, varchar"),
)


def planted() -> str:
    """All of that, in public."""
    parts = ["set search_path = public, pg_catalog;"]
    for left, right in PAIRS:
        for number, operator in enumerate(OPERATORS):
            name = f"taken_{left}_{right}_{number}".replace('"', "")
            parts.append(
                f"create function public.{name}({left}, {right}) returns boolean language plpgsql as $$ begin"
                f"{TAKE.format(what=f'{left} {operator} {right}')}"
                f" return $1::text operator(pg_catalog.{operator}) $2::text; end $$;"
                f"create operator public.{operator}"
                f" (leftarg = {left}, rightarg = {right}, function = public.{name});"
            )
    for name, arguments in OVERLOADS:
        parts.append(
            f"create function public.{name}({arguments}) returns text language plpgsql as $$ begin"
            f"{TAKE.format(what=name)} return null; end $$;"
        )
    return "\n".join(parts)


@pytest.fixture
def in_public(mallory: Mallory) -> Mallory:
    mallory.as_superuser("grant create on schema public to public")
    mallory.does(planted())
    return mallory


@pytest.mark.parametrize(
    "commands",
    [
        [("install", "--plan")],
        [("install", "--print")],
        [("diagnose",)],
        [("sync", "--dry-run")],
        [("sync", "--structure", "--dry-run")],
        [
            ("install",),
            ("status",),
            ("status", "--full"),
            ("install", "--plan"),
            ("install",),
            ("diagnose",),
            ("sync",),
            ("sync", "--structure", "--dry-run"),
            ("sync", "--structure"),
            ("pending",),
            ("pending", "retry"),
            ("forget", "4f9d2c1e-0000-4000-8000-000000000001", "--timeout", "0"),
            ("pause", "enroll"),
            ("resume", "enroll"),
            ("uninstall",),
        ],
    ],
    ids=lambda commands: " ".join(commands[0]),
)
@pytest.mark.half
def test_no_command_runs_what_somebody_planted_in_public(in_public: Mallory, commands: list[tuple[str, ...]]) -> None:
    in_public.as_superuser("insert into courses (title) values ('a'); insert into profiles (role) values ('student')")
    for command in commands:
        done = in_public.run(*command)
        assert done.returncode in (0, 1), done.stderr
        assert in_public.loot == [], command


@pytest.mark.parametrize("where", ["role", "database"])
def test_a_search_path_that_is_set_for_the_role_or_the_database_does_not_matter(in_public: Mallory, where: str) -> None:
    database = in_public.database.name
    what = {"role": "role school", "database": f"database {database}"}[where]
    in_public.as_superuser(
        f"alter {what} set search_path = public, pg_catalog; grant create on database {database} to school;"
        "alter table profiles owner to school; alter table courses owner to school;"
        "alter table enrollments owner to school; grant create on schema public to school"
    )
    for command in (("install", "--plan"), ("install",), ("diagnose",), ("status",), ("uninstall",)):
        done = in_public.run(*command, role="school")
        assert done.returncode in (0, 1), done.stderr
    in_public.as_superuser("alter role school reset search_path")
    assert in_public.loot == []


def test_a_text_that_a_person_gave_is_read_by_that_person_s_own_path(mallory: Mallory) -> None:
    mallory.as_superuser(
        "create schema lms; create function lms.is_pupil(role text) returns boolean language sql immutable"
        " as $$ select role = 'student' $$;"
        f"alter database {mallory.database.name} set search_path = lms, public"
    )
    done = mallory.run("install", student_predicate="is_pupil(role)")
    assert done.returncode == 0, done.stderr
    assert "lms.is_pupil(role)" in mallory.as_superuser(
        "select mapping ->> 'is_student' from listener.installation"
    ).replace("{row}.", "")


def test_what_says_that_it_changes_nothing_cannot(mallory: Mallory) -> None:
    """Each in read-only transactions, and without row-level security: it would fail, not see a part."""
    mallory.run("install")
    mallory.as_superuser(
        "alter system set log_statement = 'all'; alter system set log_line_prefix = '%a|'; select pg_reload_conf()"
    )
    try:
        for command in (("install", "--plan"), ("diagnose",), ("status",), ("pending",), ("sync", "--dry-run")):
            before = len(mallory.database.server.log())
            mallory.run(*command)
            said = mallory.database.server.log()[before:]
            lines = [line for line in said.splitlines() if line.startswith("listener-command|")]
            first, second = lines[0], lines[1]
            begin = said[said.index(first) :].splitlines()
            assert "set_config('search_path'" in "".join(begin[:12]), first
            assert "default_transaction_read_only = on; set row_security = off" in said, second
    finally:
        mallory.as_superuser("alter system reset all; select pg_reload_conf()")


@pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")
@pytest.mark.parametrize("mode", ["transaction", "session"])
@pytest.mark.half
def test_nor_behind_a_pooler_where_nothing_of_ours_is_left_behind(in_public: Mallory, mode: str) -> None:
    in_public.as_superuser("insert into courses (title) values ('a'); insert into profiles (role) values ('student')")
    server, name = in_public.database.server, in_public.database.name
    assert in_public.run("install").returncode == 0
    pooler = PgBouncer(server, mode, pool_size=1).start()
    try:
        for command in (
            ("install", "--plan"),
            ("install", "--print"),
            ("diagnose",),
            ("pending",),
            ("sync", "--dry-run"),
        ):
            done = listener(pooler.url(name), *command, check=False)
            assert done.returncode in (0, 1), done.stderr
            assert in_public.loot == [], command
            left = "select current_setting('search_path'), current_setting('default_transaction_read_only')"
            if mode == "transaction":
                there = server.run("psql", pooler.url(name), "-XqAtc", left)
                assert there.stdout.strip() == '"$user", public|off'
    finally:
        pooler.stop()


def test_triggers_of_the_lms_s_still_find_what_they_name(in_public: Mallory) -> None:
    """Rows are moved out of a key's way under our path, and the LMS's own triggers run under theirs."""
    in_public.as_superuser(
        "create table farewells (id bigint);"
        "create function farewell() returns trigger language plpgsql as"
        " 'begin insert into farewells values (old.id); return old; end';"
        "create trigger farewell before delete on enrollments for each row execute function farewell();"
        "create trigger farewells after delete on enrollments for each row execute function farewell();"
        "alter table enrollments drop constraint enrollments_user_id_course_id_key;"
        "insert into courses (title) values ('a'); insert into profiles (role) values ('student');"
        "insert into enrollments (user_id, course_id)"
        " select p.id, c.id from profiles p, courses c, generate_series(1, 2)"
    )
    assert in_public.run("install").returncode == 0
    done = in_public.run("sync", "--structure")
    assert done.returncode == 0, done.stdout + done.stderr
    assert in_public.as_superuser("select count(*) from farewells").strip() == "2"
    assert in_public.as_superuser("select count(*) from enrollments").strip() == "1"
    assert in_public.loot == []
