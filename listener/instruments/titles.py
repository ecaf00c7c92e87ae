"""What courses are called, where schema `listener` is installed: beside their keys, for people. Never on the way of a
reaction: a title that is not known yet is left out, and asked for with the next sample."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import asyncpg

from listener.database.driver_errors import CONNECTION_OVER
from listener.database.rows import Executor, only_row
from listener.texts import one_line

MOST_BYTES = 60
MOST = 200
"""Titles that are asked for at once."""
MOST_KEPT = 2_000
STALE_SECONDS = 60.0

ASK = """
select coalesce(json_object_agg(course_id, title), '{}') as titles
from listener.course_titles($1::text[])
where course_id is not null
"""


DEFAULT_COURSE = "select listener.default_course_id()::text as id"


async def look(executor: Executor, keys: Iterable[str]) -> dict[str, str]:
    """Titles that can be read now, by the course's key."""
    asked = list(dict.fromkeys(keys))[:MOST]
    if not asked:
        return {}
    try:
        row = await only_row(executor, ASK, asked)
    except CONNECTION_OVER:
        raise
    except asyncpg.PostgresError:
        return {}
    return fit(row["titles"])


def fit(found: dict[str, str | None]) -> dict[str, str]:
    """Texts of others, made fit to be shown."""
    shown = {key: one_line(title, MOST_BYTES) for key, title in found.items() if title}
    return {key: title for key, title in shown.items() if title}


def named(key: str, title: str | None) -> str:
    """The key, and the title if there is one."""
    return key if title is None else f"{key} ('{title}')"


class Titles:
    """A daemon's memory of them. A title is asked for once somebody has looked for it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, str] = {}
        self._asked_at: dict[str, float] = {}
        self._missed: set[str] = set()
        """Keys that were looked for, and whose titles are unknown or old."""

    def of(self, key: str | None) -> str | None:
        """The title, if it is known."""
        if key is None:
            return None
        if self._clock() - self._asked_at.get(key, float("-inf")) > STALE_SECONDS and len(self._missed) < MOST:
            self._missed.add(key)
        return self._known.get(key)

    def beside(self, detail: dict[str, Any]) -> dict[str, Any]:
        """A detail of a log line, with `course` beside its `course_id`."""
        title = self.of(detail.get("course_id"))
        return detail if title is None else detail | {"course": title}

    async def begin(self, executor: Executor) -> None:
        """This daemon leads from now on: new students are most likely to land in the default course."""
        try:
            row = await executor.fetchrow(DEFAULT_COURSE)
        except CONNECTION_OVER:
            raise
        except asyncpg.PostgresError:
            return
        if row is not None and row["id"] is not None:
            self._missed.add(row["id"])

    async def learn(self, executor: Executor) -> None:
        """Ask for what was looked for, if anything was."""
        keys = set(self._missed)
        if not keys:
            return
        self._missed.clear()
        if len(self._asked_at) > MOST_KEPT:
            self._known.clear()
            self._asked_at.clear()
        found = await look(executor, keys)
        for key in keys:
            self._asked_at[key] = self._clock()
            self._known.pop(key, None)
        self._known |= found
