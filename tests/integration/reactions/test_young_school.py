"""What was planned while the tables were empty is still right once they are full."""

import asyncpg

from listener.database.connection import Connection, tune
from listener.reactions.reaction import BuiltIn
from tests.conftest import Database

STUDENTS, SIZE = 4000, 500
READ = """
select coalesce(sum(idx_tup_read), 0)::int
from pg_stat_user_indexes
where relname = $1
"""


async def test_batches_read_only_what_belongs_to_their_own_students(database: Database, connection: Connection) -> None:
    """VACUUM says of an empty table that it is empty, and then nothing looks cheaper than to read all of it."""
    await connection.execute("insert into courses (title) values ('a')")
    database.server.psql(database.name, "vacuum analyze")
    daemon: Connection = await asyncpg.connect(database.url)
    await tune(daemon)
    enroll = BuiltIn("enroll").together
    for students in (1, STUDENTS - 1):
        await connection.execute(f"insert into profiles (role) select 'student' from generate_series(1, {students})")
        while (batch := await enroll.react(daemon, SIZE, 20)) is not None:
            assert batch.changes
    await daemon.close()
    assert await connection.fetchval("select count(*) from enrollments") == STUDENTS
    assert await connection.fetchval(READ, "enrollments") < SIZE
    assert await connection.fetchval(READ, "profiles") <= 3 * STUDENTS  # by the reaction, and by the foreign key
