"""The session that holds the course's row when a student waits with the reason `course_locked`."""

from collections.abc import Iterable
from dataclasses import dataclass

from listener import sql
from listener.database.rows import Executor, only_row
from listener.texts import one_line

HOLDERS = sql.read("instruments/holders")


@dataclass(frozen=True)
class Holder:
    course_id: str
    pid: int
    role: str
    query: str
    """The statement, as far as the reader's rights go."""

    def __str__(self) -> str:
        return f"held by session {self.pid} of role {self.role}: {one_line(' '.join(self.query.split()))}"


async def look(executor: Executor, profiles: Iterable[str]) -> list[Holder]:
    """The longest transaction first; none where the server does not tell."""
    row = await only_row(executor, HOLDERS, list(profiles))
    return [Holder(**each) for each in row["holders"]]
