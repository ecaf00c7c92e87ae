"""Possible attacks: on the way to the database, or by other roles' rights on the LMS's tables.

The findings are advice: the listener works without a change, and changes nothing.
"""

from listener import sql
from listener.database.connection import Connection
from listener.inspection.diagnosis import Finding
from listener.mapping.mapping import Mapping
from listener.transport import weakness


async def look(connection: Connection, mapping: Mapping, url: str | None) -> tuple[Finding, ...]:
    """Each with the line that mends the exposure."""
    return (*await _way_to_the_database(url), *await _rights_on_tables(connection, mapping))


async def _way_to_the_database(url: str | None) -> list[Finding]:
    weak = await weakness(url)
    if weak is None:
        return []
    what = "the way to the database can be listened to"
    return [
        Finding("connection_unverified", "warning", 1, what, (f"{', '.join(weak.hosts)}: {weak.problem}",), weak.mend)
    ]


async def _rights_on_tables(connection: Connection, mapping: Mapping) -> list[Finding]:
    schemas, names = zip(*((table.schema, table.name) for table in mapping.tables), strict=True)
    enrollments = mapping.enrollment_table
    query = sql.read("inspection/exposed_tables")
    rows = await connection.fetch(query, schemas, names, enrollments.schema, enrollments.name)
    if not rows:
        return []
    grantees = sorted({grantee for row in rows for grantee in row["grantees"]})
    examples = tuple(f"{', '.join(row['grantees'])}: {', '.join(row['privileges'])}" for row in rows)
    mend = " ".join(
        f"revoke {', '.join(row['privileges'])} on {', '.join(row['tables'])} from {', '.join(row['grantees'])};"
        for row in rows
    )
    one = "role has rights on the LMS's tables that let it run code of its own as any role that writes there"
    what = "roles have rights on the LMS's tables that let them run code of their own as any role that writes there"
    return [Finding("triggers_open_to_others", "warning", len(grantees), what, examples, mend, one)]
