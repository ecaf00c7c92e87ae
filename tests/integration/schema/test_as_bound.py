"""A table of the LMS's is looked at while a statement is planned: a plan that is kept costs nothing more."""

from listener.database.connection import Connection

CALLS = "select coalesce(sum(calls), 0) from pg_stat_xact_user_functions where funcname = 'as_bound'"
REACTIONS = ("enroll", "count")


async def looks(connection: Connection) -> int:
    """How often a sign-up's two reactions look at the tables."""
    await connection.execute("insert into profiles (role) values ('student')")
    found = 0
    for name in REACTIONS:
        async with connection.transaction():
            before = await connection.fetchval(CALLS)  # of earlier transactions, too, until they are reported
            await connection.fetchrow(f"select * from listener.{name}(100)")
            found += await connection.fetchval(CALLS) - before
    return found


async def test_a_kept_plan_does_not_look_and_one_that_is_made_new_does(connection: Connection, course: None) -> None:
    await connection.execute("set track_functions = 'all'; set plan_cache_mode = force_generic_plan")
    assert await looks(connection) > 0
    assert await looks(connection) == 0
    assert await looks(connection) == 0
    await connection.execute("alter table enrollments set (fillfactor = 90)")
    assert await looks(connection) > 0
    assert await looks(connection) == 0
