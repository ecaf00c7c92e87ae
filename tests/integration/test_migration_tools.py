"""What the tools that people migrate with make of what is installed."""

from collections.abc import Callable

import pytest

from tests.conftest import Database
from tests.support.postgres import Server
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
    server: Server = database.server
    text = server.run("pg_dump", "--schema-only", "--schema=public", database.url).stdout
    return "\n".join(line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


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
def test_install_makes_anew_what_a_tool_has_dropped_from_the_lms_schema(
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
