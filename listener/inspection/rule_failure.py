"""A rule that fails on existing rows: which setting is to be mended, and for which profile the rule fails."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from listener import sql
from listener.database.connection import Connection, tune_transaction
from listener.database.driver_errors import CONNECTION_OVER, INTERRUPTED
from listener.errors import WrongSetting
from listener.mapping import rendering
from listener.mapping.mapping import Mapping
from listener.reasons import reason
from listener.settings import PREFIX

PAGE = 10_000
"""Profiles that are asked about together at first."""

SEARCH_SECONDS = 20.0
"""Longest search for a profile: in a large school the setting alone is named then."""

NOT_THE_RULE: tuple[type[asyncpg.PostgresError], ...] = (
    *CONNECTION_OVER,
    *INTERRUPTED,
    asyncpg.SyntaxOrAccessError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InternalServerError,
)
"""Errors that no row of the LMS's explains."""


@asynccontextmanager
async def answering(connection: Connection, mapping: Mapping) -> AsyncIterator[None]:
    """Around a look at all profiles, outside of the look's transaction. Raises WrongSetting if the rule fails for a
    profile."""
    try:
        yield
    except NOT_THE_RULE:
        raise
    except asyncpg.PostgresError as error:
        found = await find(connection, mapping)
        if found is None:
            raise
        raise found from error


async def find(connection: Connection, mapping: Mapping) -> WrongSetting | None:
    """The setting to mend; None if the rule does not fail."""
    values = rendering.placeholders(mapping)
    ask, keys, course = (
        sql.render(sql.read("inspection/rule_failure", name), values) for name in ("ask", "keys", "course")
    )
    give_up_at = time.monotonic() + SEARCH_SECONDS

    async def failure(query: str, *args: object) -> asyncpg.PostgresError | None:
        try:
            async with connection.transaction(readonly=True):
                await tune_transaction(connection)
                await connection.fetchval(query, *args)
        except NOT_THE_RULE:
            raise
        except asyncpg.PostgresError as error:
            return error
        return None

    if mapping.wanted_query is None:
        name = "DEFAULT_COURSE_VIEW" if mapping.default_course_view is not None else "PUBLISH_PREDICATE"
        error = await failure(course)
        if error is not None:
            return WrongSetting(name=PREFIX + name, problem=f"fails on what is there: {reason(error)}")
    name = "WANTED_QUERY" if mapping.wanted_query is not None else "STUDENT_PREDICATE"
    name = PREFIX + ("STUDENT_VIEW" if mapping.student_view is not None and name == "STUDENT_PREDICATE" else name)
    after: str | None = None
    while time.monotonic() < give_up_at:
        page = [str(row["key"]) for row in await connection.fetch(keys, after, PAGE)]
        error = await failure(ask, page) if page else None
        while error is not None and len(page) > 1:
            first, second = page[: len(page) // 2], page[len(page) // 2 :]
            found = await failure(ask, first)
            page, error = (first, found) if found is not None else (second, await failure(ask, second))
        if error is not None:
            return WrongSetting(name=name, problem=f"fails for profile {page[0]}: {reason(error)}")
        if len(page) < PAGE:
            return None
        after = page[-1]
    return WrongSetting(name=name, problem="fails for a profile")
