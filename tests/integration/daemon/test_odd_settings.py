"""Settings that somebody made for the database, or for roles, are for others: whatever they are, everything works."""

from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener

ODD = {
    "array_nulls": "off",
    "backslash_quote": "on",
    "bytea_output": "escape",
    "check_function_bodies": "off",
    "client_encoding": "LATIN1",
    "client_min_messages": "debug5",
    "constraint_exclusion": "on",
    "datestyle": "German, DMY",
    "default_statistics_target": "1",
    "default_transaction_deferrable": "on",
    "default_transaction_isolation": "serializable",
    "enable_indexscan": "off",
    "enable_indexonlyscan": "off",
    "enable_nestloop": "off",
    "enable_sort": "off",
    "escape_string_warning": "on",
    "exit_on_error": "on",
    "extra_float_digits": "-15",
    "from_collapse_limit": "1",
    "gin_fuzzy_search_limit": "1",
    "idle_in_transaction_session_timeout": "2000",
    "intervalstyle": "sql_standard",
    "join_collapse_limit": "1",
    "lock_timeout": "1",
    "plan_cache_mode": "force_custom_plan",
    "plpgsql.check_asserts": "off",
    "plpgsql.extra_errors": "all",
    "plpgsql.extra_warnings": "all",
    "plpgsql.print_strict_params": "on",
    "plpgsql.variable_conflict": "use_variable",
    "quote_all_identifiers": "on",
    "row_security": "off",
    "search_path": "",
    "session_preload_libraries": "plpgsql",
    "standard_conforming_strings": "off",
    "statement_timeout": "2000",
    "synchronous_commit": "off",
    "timezone": "Asia/Kathmandu",
    "track_activities": "off",
    "transform_null_equals": "on",
    "work_mem": "64",
    "xmloption": "document",
    # Not in every version:
    "debug_parallel_query": "regress",
    "default_toast_compression": "pglz",
    "force_parallel_mode": "regress",
    "idle_session_timeout": "2000",
    "restrict_nonsystem_relation_kind": "view",
    "transaction_timeout": "2000",
}
KNOWN = "select exists (select from pg_settings where lower(name) = $1) or $1 like 'plpgsql.%'"


@pytest.mark.parametrize("scope", [pytest.param("database", marks=pytest.mark.long), "role"])
async def test_whatever_is_set_for_a_database_or_a_role_everything_works(
    database: Database, connection: Connection, scope: str, start_daemon: Callable[..., DaemonProcess]
) -> None:
    role = f"odd_{database.name}"
    await connection.execute(f"load 'plpgsql'; create role {role} superuser login")
    whose = f"database {database.name}" if scope == "database" else f"role {role}"
    for name, value in ODD.items():
        if await connection.fetchval(KNOWN, name):
            await connection.execute(f"alter {whose} set {name} = '{value}'")
    try:
        await connection.execute("insert into courses (title, price) values ('a', 1)")
        url = database.server.url(database.name, user=role)
        daemon = start_daemon(database, database_url=url, heartbeat_seconds=1, audit_seconds=1)
        await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 50)")
        await eventually(connection, "select enrollments from courses", equals=50, seconds=60)
        for command in (
            ["status"], ["status", "--full", "--json"], ["diagnose"], ["pending"], ["sync", "--dry-run"], ["sync"],
            ["install", "--plan"], ["explain", str(await connection.fetchval("select id from profiles limit 1"))],
            ["install"], ["pause", "count"], ["resume", "count"], ["sync", "--structure"],
        ):  # fmt: skip
            done = listener(url, *command, check=False)
            assert (done.returncode, done.stderr) == (0, ""), (command, done.stdout, done.stderr)
        assert daemon.stop() == 0
        for event in ("connection_lost", "audit_failed", "reaction_failed", "reaction_blocked", "sample_failed"):
            assert daemon.events(event) == [], daemon.text()
        listener(url, "uninstall")
    finally:
        await connection.execute(f"alter role {role} nologin")
