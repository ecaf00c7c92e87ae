"""A school where a query says who should be where, with a daemon at work: people join organisations and leave them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import discover
from listener.schema import install
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.wanted import tables, verdict

LEAVING = ("suspend", "remove")
SETTINGS: dict[str, object] = {"heartbeat_seconds": 0.5, "audit_seconds": 3600}

STATUS = "select string_agg(status, ' ' order by id) from enrollments where profile_id = $1 and course_id = $2"
ENROLLED = "select array_agg(course_id order by course_id) from enrollments where profile_id = $1 and status = 'active'"
WAITING = "select reason from listener.pending_enrollment where profile_id = $1"


@dataclass
class School:
    """A school with a daemon at work, and the connection of an application. Each test has people of its own."""

    app: Connection
    on_leave: str

    async def profile(self) -> int:
        """Somebody new."""
        return int(await self.app.fetchval("insert into profiles default values returning id"))

    async def course(self, plan: str = "none") -> int:
        """A new course."""
        return int(await self.app.fetchval("insert into courses (plan) values ($1) returning id", plan))

    async def organisation(self) -> tuple[int, int]:
        """A new organisation, and its course."""
        course = await self.course()
        made = await self.app.fetchval("insert into organisations (course_id) values ($1) returning id", course)
        return int(made), course

    async def joins(self, profile: int, organisation: int) -> None:
        """It gets a member."""
        await self.app.execute(
            "insert into memberships (profile_id, organisation_id) values ($1, $2)", profile, organisation
        )

    async def leaves(self, profile: int) -> None:
        """All organisations are left."""
        await self.app.execute("delete from memberships where profile_id = $1", profile)

    async def member(self) -> tuple[int, int, int]:
        """(profile, organisation, course) of somebody whom the listener has enrolled."""
        profile, (organisation, course) = await self.profile(), await self.organisation()
        await self.joins(profile, organisation)
        await self.has(profile, course, "active")
        return profile, organisation, course

    async def has(self, profile: int, course: int, status: str | None) -> None:
        """Wait until that is the status of the profile's enrollment; None: until there is none."""
        await eventually(self.app, STATUS, profile, course, equals=status)

    async def has_left(self, profile: int, course: int) -> None:
        """Wait until what was made for it is taken back."""
        await self.has(profile, course, "inactive" if self.on_leave == "suspend" else None)

    async def settled(self) -> None:
        """Wait until nothing is on its way; then nobody is astray, and all counts are exact."""
        await verdict.settled(self.app)
        assert [tuple(row) for row in await self.app.fetch("select * from listener.astray()")] == []
        assert await self.app.fetch(verdict.WRONG_COUNTS) == []


Attend = Callable[..., Awaitable[School]]


async def installed(url: str, schema: str, query: str, on_leave: str, **settings: str) -> Connection:
    """A connection to a school whose tables were made, and the listener installed."""
    app: Connection = await connect(url)
    await app.execute(schema)
    asked = {**tables.settings("organisation", on_leave), "wanted_query": query, **settings}
    await app.execute(install.script(await discover(app, asked)))
    return app


leaving_only = pytest.mark.parametrize("on_leave", LEAVING, indirect=True)
