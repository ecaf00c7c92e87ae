"""What the tools that people migrate with make of what is installed."""

from collections.abc import Callable

import pytest

from tests.conftest import Database
from tests.support.dumping import dump
from tests.support.process import listener

NAMED_ALIKE = """
select class.oid::regclass
from pg_class as class
inner join pg_proc as proc on proc.pronamespace = class.relnamespace and proc.proname = class.relname
where proc.pronargs = 0 and class.relnamespace::regnamespace::text in ('listener', 'public')
"""

VIEW = "drop view profile_enrollment_sync_status"
FUNCTION = "drop function get_enrollment_statistics()"


def dumped(database: Database) -> str:
    """The LMS's own schema, with all that is ours in it."""
    return dump(database, "--schema-only", "--schema=public")


def test_no_function_without_arguments_is_called_as_a_view_or_a_table_is(database: Database) -> None:
    # `supabase db diff` takes the two for one, which then depends on itself, and follows it until its stack overflows.
    assert database.server.psql(database.name, NAMED_ALIKE) == ""


def test_the_printed_sql_as_a_migration_leaves_nothing_to_differ_in_the_lms_schema(
    make_database: Callable[..., Database],
) -> None:
    shadow, installed = make_database(installed=False), make_database(installed=False)
    # As in any two databases, nothing has the same number in both.
    installed.server.psql(installed.name, "create table passing (); drop table passing; create table other ()")
    installed.server.psql(installed.name, "drop table other")
    shadow.server.psql(shadow.name, listener(shadow.url, "install", "--print").stdout)
    listener(installed.url, "install")
    assert "listener_insert" in dumped(installed)
    assert dumped(shadow) == dumped(installed)


@pytest.mark.parametrize("statement", [VIEW, FUNCTION])
@pytest.mark.half
def test_install_makes_again_what_a_tool_has_dropped_from_the_lms_schema(
    statement: str, make_database: Callable[..., Database]
) -> None:
    database = make_database(installed=False)
    listener(database.url, "install")
    before = dumped(database)
    database.server.psql(database.name, statement)
    assert dumped(database) != before
    assert "already installed" not in listener(database.url, "install").stdout
    assert dumped(database) == before
    assert "already installed" in listener(database.url, "install").stdout


def test_a_function_that_was_dropped_is_closed_when_a_migration_is_followed(
    make_database: Callable[..., Database],
) -> None:
    database = make_database(installed=False)
    listener(database.url, "install")
    may = "select has_function_privilege('public', 'get_enrollment_statistics()', 'execute')"
    assert database.server.psql(database.name, may).strip() == "f"
    database.server.psql(database.name, FUNCTION)
    database.server.psql(database.name, "alter table profiles rename column role to kind")
    database.server.psql(database.name, "select listener.follow()")
    assert database.server.psql(database.name, may).strip() == "f"
    database.server.psql(database.name, "grant execute on function get_enrollment_statistics() to public")
    database.server.psql(database.name, "alter table profiles rename column kind to role")
    database.server.psql(database.name, "select listener.follow()")
    assert database.server.psql(database.name, may).strip() == "t"


OWN_COUNTING = """
create function count_it() returns trigger language plpgsql as $$
begin
    update courses set enrollments = enrollments + 1 where id = new.course_id;
    return new;
end $$;
"""
OWN_TRIGGER = "create trigger count_it after insert on enrollments for each row execute function count_it();"
ENABLED = "select count(*) from pg_trigger where tgname = 'count_it' and tgenabled <> 'D'"


def test_a_trigger_that_a_migration_makes_again_is_taken_over_again(make_database: Callable[..., Database]) -> None:
    database = make_database(installed=False)
    database.server.psql(database.name, OWN_COUNTING + OWN_TRIGGER)
    listener(database.url, "install", "--take-over")
    assert database.server.psql(database.name, ENABLED).strip() == "0"
    database.server.psql(database.name, f"drop trigger count_it on enrollments; {OWN_TRIGGER}")
    listener(database.url, "install", "--take-over")
    assert database.server.psql(database.name, ENABLED).strip() == "0"
    assert "already installed" in listener(database.url, "install", "--take-over").stdout
    listener(database.url, "uninstall")
    assert database.server.psql(database.name, ENABLED).strip() == "1"


@pytest.mark.parametrize("gone", ["drop trigger count_it on enrollments", "drop function count_it() cascade"])
@pytest.mark.half
def test_install_goes_on_when_a_migration_has_dropped_what_was_taken_over(
    gone: str, make_database: Callable[..., Database]
) -> None:
    database = make_database(installed=False)
    database.server.psql(database.name, OWN_COUNTING + OWN_TRIGGER)
    listener(database.url, "install", "--take-over")
    database.server.psql(database.name, gone)
    assert "changed schema listener" in listener(database.url, "install", "--count-columns", "enrollments").stdout
    listener(database.url, "uninstall")


def test_a_trigger_that_enrolls_the_teacher_of_a_new_course_is_not_in_the_way(
    make_database: Callable[..., Database],
) -> None:
    database = make_database(installed=False)
    database.server.psql(
        database.name,
        """
        create function enroll_teacher() returns trigger language plpgsql as $$
        begin
            insert into enrollments (user_id, course_id)
            select id, new.id from profiles where role = 'teacher' limit 1;
            return new;
        end $$;
        create trigger enroll_teacher after insert on courses for each row execute function enroll_teacher();
        """,
    )
    listener(database.url, "install")
    listener(database.url, "install", "--take-over")
    enabled = "select tgenabled from pg_trigger where tgname = 'enroll_teacher'"
    assert database.server.psql(database.name, enabled).strip() == "O"
