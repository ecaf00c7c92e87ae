"""Mistakes at random, while two daemons are killed: a table emptied, a wrong update, a bad rule, an import that is half
there, a course or people deleted; and people who mend in haste: a release of one course, two undos at once. Within ten
minutes no more is ever taken back than the brake allows, what is wanted goes on, and `release` brings the tables to
what the rule says.

A seed replays the same mistakes; their timing is the machine's. Run one with `--seed SEED`, 100 with `--long`, or so
many with `--histories`.
"""

import random
from collections.abc import Callable

import anyio
import anyio.to_thread
import pytest

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support import brake
from tests.support.brake import AS_THE_RULE_SAYS, HELD
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.process import DaemonProcess, listener
from tests.support.wanted import verdict

HISTORIES = 1
LONG_HISTORIES = 100
PEOPLE = 400
ROUNDS = 3
SETTINGS = {"heartbeat_seconds": 0.4, "sample_seconds": 0.3, "audit_seconds": 1}

DIARY = """
create table diary (
    at timestamptz not null default clock_timestamp(),
    allowed bigint not null,
    released boolean not null
);
create function write_diary() returns trigger language plpgsql security definer set search_path = public as $$
begin
    if current_setting('listener.at_work', true) = 'on' then
        insert into diary (allowed, released)
        -- Before the row goes: then the ledger says whether somebody has let it go.
        values (
            listener.brake_allows('leaving'),
            current_setting('listener.cause') in ('release', 'undo')
            or exists (
                select from listener.made_enrollment
                where (profile_id, course_id) = (old.profile_id, old.course_id) and released_at is not null
            )
        );
    end if;
    return old;
end $$;
create trigger write_diary before delete on enrollments for each row execute function write_diary();
"""

TOO_MANY = """
select count(*)
from (
    select count(*) over last_minutes as number, max(allowed) over last_minutes as allowed
    from diary
    where not released
    window last_minutes as (order by at range between interval '10 minutes' preceding and current row)
) as taken_back
where taken_back.number > taken_back.allowed
"""

MISTAKES = {
    "a table emptied": "truncate payments",
    "a wrong update": "update payments set paid = false where profile_id % 3 <> 0",
    "another wrong update": (
        "update payments set course_id = 2 where course_id = 1 and profile_id % 2 = 0"
        " and profile_id not in (select profile_id from payments where course_id = 2)"
    ),
    "an import that is half there": (
        "begin; delete from payments; insert into payments (profile_id, course_id)"
        " select id, 1 from profiles where id % 2 = 0; commit"
    ),
    "a course gone": "delete from payments where course_id = 1",
    "some who leave": "update payments set paid = false where profile_id % 40 = 7",
    "people gone": "delete from profiles where id % 50 = 3",
    "a course that comes again": "delete from courses where id = 1; insert into courses (id) values (1)",
}
MENDED = """
insert into payments (profile_id, course_id) select id, 1 from profiles
on conflict (profile_id, course_id) do update set paid = true
"""
BAD_RULES = ("payments.course_id = 2", f"(payments.profile_id % 5 = 0 or payments.profile_id > {PEOPLE})")
"""None of them concerns newcomers."""


class History:
    """One school, and what becomes of it, by the seed."""

    def __init__(self, database: Database, seed: int) -> None:
        self._database = database
        self._dice = random.Random(seed)
        self._school = {"brake": self._dice.choice(["10%", "30", "60", "5%", "0"]), "history_days": "9"}
        self.daemons: list[DaemonProcess] = []

    async def live(self) -> None:
        app = await brake.school(self._database.url, PEOPLE, **self._school)
        try:
            await app.execute(DIARY)
            self._start()
            for _ in range(ROUNDS):
                await self._round(app)
            await self._end(app)
        finally:
            app.terminate()

    async def _round(self, app: Connection) -> None:
        async with anyio.create_task_group() as tasks:
            if self._dice.random() < 0.6:
                tasks.start_soon(self._kill)
            done_by_people = self._dice.random()
            if done_by_people < 0.2:
                condition = self._dice.choice(BAD_RULES)
                rule = brake.settings(**self._school) | {"wanted_query": f"{brake.RULE} and {condition}"}
                tasks.start_soon(self._rule, rule)
            elif done_by_people < 0.35:
                tasks.start_soon(self._command, "release", "--course", str(self._dice.choice((1, 2))))
            elif done_by_people < 0.5:
                await self._undo(str(await app.fetchval("select clock_timestamp() - interval '3 seconds'")))
            for _ in range(self._dice.randint(1, 3)):
                await app.execute(MISTAKES[self._dice.choice(list(MISTAKES))])
                await anyio.sleep(self._dice.uniform(0, 0.3))
        # Who pays for something new meanwhile is in it at once, whatever is held.
        newcomer = await app.fetchval("insert into profiles default values returning id")
        await app.execute("insert into payments (profile_id, course_id) values ($1, 2)", newcomer)
        await eventually(app, "select count(*) from enrollments where profile_id = $1", newcomer, equals=1, seconds=30)
        assert await app.fetchval(TOO_MANY) == 0
        if self._dice.random() < 0.5:
            await self._rule(brake.settings(**self._school))
            await app.execute(MENDED)

    async def _undo(self, since: str) -> None:
        """By two at once, who both wait for what the daemon has in hand."""
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(self._command, "undo", "--since", since)
        await self._command("resume", "enroll")

    async def _command(self, *arguments: str) -> None:
        done = await anyio.to_thread.run_sync(lambda: listener(self._database.url, *arguments, check=False))
        assert done.returncode in (0, 1), done.stdout + done.stderr

    async def _rule(self, rule: dict[str, str]) -> None:
        connection = await connect(self._database.url)
        try:
            await brake.installed(connection, rule)
        finally:
            await connection.close()

    async def _end(self, app: Connection) -> None:
        await self._rule(brake.settings(**self._school))
        await verdict.settled(app)
        assert await app.fetchval(TOO_MANY) == 0
        await anyio.to_thread.run_sync(lambda: listener(self._database.url, "release"))
        await verdict.settled(app)
        await eventually(app, HELD, equals=0)
        await eventually(app, AS_THE_RULE_SAYS, equals=0)
        await verdict.settled(app)  # what an undo took away, an audit has enrolled only now
        assert await app.fetch(verdict.WRONG_COUNTS) == []
        assert await app.fetchval(TOO_MANY) == 0

    async def _kill(self) -> None:
        await anyio.sleep(self._dice.uniform(0, 0.5))
        daemon = self.daemons.pop(0)
        daemon.kill()
        daemon.clean_up()
        self._start()

    def _start(self) -> None:
        while len(self.daemons) < 2:
            self.daemons.append(DaemonProcess(self._database.url, dict(SETTINGS), cold=False))

    def close(self) -> None:
        """End the daemons."""
        for daemon in self.daemons:
            daemon.clean_up()


def live_all(kind: type[History], make_database: Callable[..., Database], pytestconfig: pytest.Config) -> None:
    """So many histories as are asked for."""
    given = pytestconfig.getoption("--seed")
    asked = pytestconfig.getoption("--histories") or (LONG_HISTORIES if pytestconfig.getoption("--long") else None)
    seeds = [random.randrange(10**9) for _ in range(asked or HISTORIES)] if given is None else [given]
    for number, seed in enumerate(seeds, 1):
        history = kind(make_database(empty=True), seed)
        print(f"history {number}: --seed {seed}")
        try:
            anyio.run(history.live)
        except BaseException:
            for daemon in history.daemons:
                print(f"{daemon.process.poll()=} {daemon.get('/readyz')}\n{daemon.text()[-4000:]}")
            raise
        finally:
            history.close()


@pytest.mark.timeout(0)
def test_no_mistake_takes_back_more_than_the_brake_allows(
    make_database: Callable[..., Database], pytestconfig: pytest.Config
) -> None:
    live_all(History, make_database, pytestconfig)
