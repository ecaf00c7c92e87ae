"""A daemon that follows the LMS's migrations: how it is started, and what to look at."""

from listener.database.connection import Connection
from tests.support.eventually import eventually

QUICK = {"heartbeat_seconds": 0.3, "audit_seconds": 3000, "log_level": "debug"}
MADE_GOOD = "select not exists (select from listener.blind_note where horizon is null)"
COURSE = "insert into courses (title, price) values ('default', 0) returning id"
COUNT = "select enrollments from courses where id = $1"


async def has_trusted(connection: Connection) -> None:
    """Wait until the daemon has looked at the names once, and found them right."""
    asked = "select datname = current_database() from listener.bound_in inner join pg_database on oid = database_oid"
    await eventually(connection, asked, equals=True)
