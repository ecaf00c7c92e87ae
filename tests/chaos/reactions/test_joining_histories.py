"""Mistakes at random that have far too many join, while two daemons are killed, and others try, too. In ten minutes no
more are ever enrolled than the brake on joining allows, who signs up goes past those who are held, and `release`
brings the tables to what the rule says.

A seed replays the same mistakes; their timing is the machine's. Run one with `--seed SEED`, 100 with `--long`, or so
many with `--histories`.
"""

from collections.abc import Callable

import anyio
import anyio.to_thread
import pytest

from listener.database.connection import Connection
from tests.chaos.reactions import test_brake_histories as leaving
from tests.chaos.reactions.test_brake_histories import TOO_MANY
from tests.conftest import Database
from tests.support import brake
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.process import listener
from tests.support.wanted import verdict
from tests.support.workload import UNSETTLED as UNSETTLED_BY_ALL

HELD = "select count(*) from listener.pending_enrollment where reason = 'held'"
UNSETTLED = UNSETTLED_BY_ALL.replace(
    "from listener.pending_enrollment", "from listener.pending_enrollment where reason <> 'held'"
)
DIARY = leaving.DIARY.replace("'leaving'", "'joining'").replace("after delete", "after insert")

MISTAKES = {
    "all pay for Go": (
        "insert into payments (profile_id, course_id) select id, 2 from profiles on conflict do nothing"
    ),
    "a wrong update": "update payments set paid = true where profile_id % 3 <> 0",
    "another wrong update": (
        "update payments set course_id = 2 where course_id = 1 and profile_id % 2 = 0"
        " and profile_id not in (select profile_id from payments where course_id = 2)"
    ),
    "an import twice as large": (
        "with new as (insert into profiles (role) select 'student' from generate_series(1, 90) returning id)"
        " insert into payments (profile_id, course_id) select id, 1 from new"
    ),
    "one by one": (
        "do $$ begin for number in 1..25 loop"
        " with new as (insert into profiles (role) values ('student') returning id)"
        " insert into payments (profile_id, course_id) select id, 1 from new;"
        " commit; end loop; end $$"
    ),
    "some who leave": "update payments set paid = false where profile_id % 40 = 7",
    "one enrolled by hand": (
        "insert into enrollments (profile_id, course_id) select id, 1 from profiles order by random() limit 1"
        " on conflict do nothing"
    ),
    "within the app's own transaction": "select listener.enroll_now(id) from profiles order by random() limit 20",
}
SIGNS_UP = """
with new as (insert into profiles (role) values ('student') returning id)
insert into payments (profile_id, course_id) select id, 1 from new returning profile_id
"""
MISSING = f"select count(*) from (({brake.RULE}) except select profile_id, course_id from enrollments) as off"
ROOM = "select listener.brake_used('joining') < listener.brake_allows('joining')"
IS_IN = "exists (select from enrollments where profile_id = {})"
HURRIES = (
    "update listener.pending_enrollment set next_attempt_at = now() where next_attempt_at < 'infinity'",
    "select * from listener.retry_enroll(200, singly => true)",
    "select * from listener.settle(array(select id from profiles order by random() limit 15))",
)
"""What others do at once, with no lock of the leader's."""


class History(leaving.History):
    """One school, and what becomes of it, by the seed."""

    async def live(self) -> None:
        self._on_leave = self._dice.choice(["keep", "remove"])
        self._brake = self._dice.choice(["10%", "30", "60", "0"])
        app = await brake.school(self._database.url, 0, **self._settings)
        try:
            await app.execute(DIARY)
            await app.execute("insert into profiles select from generate_series(1, 300)")
            self._start()
            for _ in range(leaving.ROUNDS):
                await self._round(app)
            await self._end(app)
        finally:
            app.terminate()

    @property
    def _settings(self) -> dict[str, str]:
        off = {"brake": "none"} if self._on_leave == "remove" else {}
        return {"on_leave": self._on_leave, "joining_brake": self._brake, **off}

    async def _round(self, app: Connection) -> None:
        async with anyio.create_task_group() as tasks:
            if self._dice.random() < 0.6:
                tasks.start_soon(self._kill)
            for _ in range(self._dice.randint(0, 2)):
                tasks.start_soon(self._hurry, self._dice.choice(HURRIES))
            for _ in range(self._dice.randint(1, 3)):
                await app.execute(MISTAKES[self._dice.choice(list(MISTAKES))])
                await anyio.sleep(self._dice.uniform(0, 0.3))
        await self._settled(app)
        if await app.fetchval(ROOM):
            made = await app.fetchval(SIGNS_UP)
            await eventually(app, f"select {IS_IN.format(made)} or not ({ROOM})", equals=True, seconds=30)

    async def _hurry(self, statement: str) -> None:
        connection = await connect(self._database.url)
        try:
            await connection.execute(f"set lock_timeout = '5s'; {statement}")
        finally:
            await connection.close()

    async def _settled(self, app: Connection) -> None:
        await eventually(app, UNSETTLED, equals=None, seconds=60)
        assert await app.fetchval(TOO_MANY) == 0

    async def _end(self, app: Connection) -> None:
        await self._settled(app)
        for _ in range(2):
            await anyio.to_thread.run_sync(lambda: listener(self._database.url, "release", check=False))
            await self._settled(app)
        await eventually(app, HELD, equals=0, seconds=30)
        await eventually(app, MISSING, equals=0, seconds=30)
        assert await app.fetch(verdict.WRONG_COUNTS) == []
        assert await app.fetchval(TOO_MANY) == 0


@pytest.mark.timeout(0)
def test_no_mistake_enrolls_more_than_the_brake_on_joining_allows(
    make_database: Callable[..., Database], pytestconfig: pytest.Config
) -> None:
    leaving.live_all(History, make_database, pytestconfig)
