"""Whether the rule for students matches no profile, or all: said after `install`, at a bounded cost."""

import asyncpg

from listener import sql
from listener.database.connection import Connection
from listener.database.rows import only_row
from listener.mapping import description, rendering
from listener.mapping.mapping import Mapping
from listener.numerals import counted

MOST_PROFILES = 10_000
MOST_MILLISECONDS = 2_000


async def remark(connection: Connection, mapping: Mapping) -> str | None:
    """A remark if no profile matches the installed rule, or all do. None otherwise, or if that took too long."""
    if not mapping.enrolls:
        return None
    try:
        async with connection.transaction(readonly=True):
            await connection.execute(f"set local statement_timeout = {MOST_MILLISECONDS}")
            rows = await connection.fetchval(
                "select reltuples from pg_catalog.pg_class where oid = $1::text::regclass::oid",
                str(mapping.profile_table),
            )
            row = await only_row(connection, query(mapping, rows))
    except asyncpg.PostgresError:
        return None
    return _said(mapping, row["students"], row["profiles"], sampled=row["profiles"] >= MOST_PROFILES)


def query(mapping: Mapping, rows: float) -> str:
    """All profiles of a small table, or pages from all over a large table."""
    values = rendering.placeholders(mapping) | {"most": str(MOST_PROFILES), "sample": ""}
    if rows > 2 * MOST_PROFILES:
        values["sample"] = f" tablesample system ({min(100.0, 200.0 * MOST_PROFILES / rows):.6f})"
    return sql.render(sql.read("inspection/matching"), values)


def _said(mapping: Mapping, students: int, profiles: int, *, sampled: bool) -> str | None:
    rule = description.students(mapping)
    among = counted(profiles, "profile") + (" that were looked at" if sampled else "")
    match = "matches" if profiles == 1 else "match"
    if mapping.wanted_query is not None:
        nobody = (
            f"0 of {among} {'is' if profiles == 1 else 'are'} in the query of LISTENER_WANTED_QUERY: nobody is enrolled"
        )
        return nobody if profiles and not students else None
    if profiles and not students:
        return (
            f"0 of {among} {match} the rule for students ({rule}): nobody is enrolled. "
            "If that is wrong, set LISTENER_STUDENT_PREDICATE"
        )
    if profiles > 1 and students == profiles:
        return (
            f"all {among} match the rule for students ({rule}): everybody is enrolled. "
            "If that is wrong, set LISTENER_STUDENT_PREDICATE"
        )
    return None
