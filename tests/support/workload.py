"""What the users of an LMS do all day, at random but from a seed: the same seed does the same things again."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import anyio
import asyncpg

from listener.database.connection import Connection
from listener.database.driver_errors import CONNECTION_ERRORS

# No unique key stands in the way of a second enrollment; `seen` remembers who ever had one.
SCHEMA = """
alter table enrollments drop constraint enrollments_user_id_course_id_key;
create index on enrollments (user_id);
create table seen (user_id uuid not null);
create function see() returns trigger language plpgsql as $$
begin
    insert into seen select user_id from inserted;
    return null;
end $$;
create trigger see after insert on enrollments
referencing new table as inserted for each statement execute function see();
insert into courses (title, price) values ('default', 1);
insert into courses (title, price) select 'other', 10 + n from generate_series(1, 5) as n;
"""

NAMES = {
    "profiles": "profiles",
    "profile_id": "id",
    "role": "role",
    "full_name": "full_name",
    "enrollments": "enrollments",
    "enrollment_id": "id",
    "user_id": "user_id",
    "course_id": "course_id",
    "status": "status",
    "courses": "courses",
    "course_key": "id",
    "title": "title",
    "price": "price",
    "count": "enrollments",
    "other_count": "students",
}
"""What the statements below call by `{name}`, and what it is called in the schema of `tests/support/lms.py`."""

SIGN_UP = "insert into {profiles} ({role}) values ('student')"
SOME_STUDENT = "(select {profile_id} from {profiles} where {role} = 'student' order by random() limit 1)"
SOME_TEACHER = "(select {profile_id} from {profiles} where {role} = 'teacher' limit 1)"
OTHER_STATUS = "case {status} when 'active' then 'cancelled' else 'active' end"
SOME_ENROLLMENT = "(select {enrollment_id} from {enrollments} order by random() limit 1)"
OTHER_COURSE = "(select {course_key} from {courses} where {price} > 10 order by random() limit 1)"
LAST_COURSE = "(select {course_key} from {courses} where {price} > 11 limit 1)"

ENROLL = (
    "insert into {enrollments} ({user_id}, {course_id})"
    f" select student, {OTHER_COURSE} from {SOME_STUDENT} as student"
)

ACTIONS: dict[str, tuple[int, tuple[str, ...]]] = {
    "sign up": (30, (SIGN_UP,)),
    "import": (2, ("insert into {profiles} ({role}) select 'student' from generate_series(1, 250)",)),
    "roll back": (3, (SIGN_UP, "rollback")),
    "savepoint": (3, (SIGN_UP, "savepoint here", SIGN_UP, "rollback to here", SIGN_UP)),
    "long transaction": (2, (SIGN_UP, "select pg_sleep(0.3)", SIGN_UP)),
    "teacher": (2, ("insert into {profiles} ({role}) values ('teacher')",)),
    "role": (4, (f"update {{profiles}} set {{role}} = 'teacher' where {{profile_id}} = {SOME_STUDENT}",)),
    "promote": (3, (f"update {{profiles}} set {{role}} = 'student' where {{profile_id}} = {SOME_TEACHER}",)),
    "enroll": (5, (ENROLL,)),
    "status": (6, (
        f"update {{enrollments}} set {{status}} = {OTHER_STATUS} where {{enrollment_id}} = {SOME_ENROLLMENT}",
    )),
    "move": (4, (
        f"update {{enrollments}} set {{course_id}} = {OTHER_COURSE} where {{enrollment_id}} = {SOME_ENROLLMENT}",
    )),
    "leave": (3, (f"delete from {{enrollments}} where {{enrollment_id}} = {SOME_ENROLLMENT}",)),
    "delete": (2, (f"delete from {{profiles}} where {{profile_id}} = {SOME_STUDENT}",)),
    "course": (1, ("insert into {courses} ({title}, {price}) values ('new', 50)",)),
    "delete course": (1, (f"delete from {{courses}} where {{course_key}} = {LAST_COURSE}",)),
    "truncate": (1, ("set local lock_timeout = '200ms'", "truncate {enrollments}")),
}  # fmt: skip

MISSING = """
select count(*) from {profiles} as profile
where
    profile.{role} = 'student'
    and not exists (select from seen where seen.user_id = profile.{profile_id})
"""
TWICE = """
select count(*) from (
    select from {enrollments}
    where {course_id} = (select {course_key} from {courses} where {price} = 1)
    group by {user_id}
    having count(*) > 1
) as twice
"""
WRONG = """
select count(*) from {courses} as course
where
    array[course.{count}, course.{other_count}]::bigint[] <> (
        select array[count(*), count(*)]::bigint[] from {enrollments} as enrollment
        where enrollment.{course_id} = course.{course_key} and enrollment.{status} = 'active'
    )
"""
UNSETTLED = """
select string_agg(waiting.what, ', ')
from (
    values
        ('unhandled notes', exists (select from listener.unhandled('enroll'))),
        ('unhandled counts', exists (select from listener.unhandled('count'))),
        ('pending students', exists (select from listener.pending_enrollment)),
        ('pending counts', exists (select from listener.pending_count)),
        ('blind notes', exists (select from listener.blind_note)),
        ('names', not listener.is_bound())
) as waiting (what, is_there)
where waiting.is_there
"""
"""What is still on its way; null if nothing is."""


@dataclass(frozen=True)
class Refusal:
    """A statement of the application's that failed."""

    statement: str
    code: str
    message: str
    """With its context: the functions that were at work."""


class Client:
    """One client of the application: whatever becomes of the server, it connects again and goes on."""

    def __init__(self, url: str, seed: str, names: Mapping[str, str], pause: float = 0.005) -> None:
        self._names = names
        self.refusals: list[Refusal] = []
        self._url = url
        self._dice = random.Random(seed)
        self._pause = pause
        self.commits = 0

    async def run(self, stop: anyio.Event) -> None:
        """Act until stopped."""
        while not stop.is_set():
            try:
                connection: Connection = await asyncpg.connect(self._url, timeout=5)
            except CONNECTION_ERRORS:
                await anyio.sleep(0.05)
                continue
            try:
                await self._act(connection, stop)
            finally:
                connection.terminate()

    async def _act(self, connection: Connection, stop: anyio.Event) -> None:
        names = list(ACTIONS)
        weights = [weight for weight, _ in ACTIONS.values()]
        while not stop.is_set():
            (name,) = self._dice.choices(names, weights)
            try:
                with anyio.fail_after(10):
                    await self._transact(connection, ACTIONS[name][1])
            except CONNECTION_ERRORS:
                if connection.is_closed():
                    return
                await self._rollback(connection)
            await anyio.sleep(self._dice.expovariate(1 / self._pause))

    async def _transact(self, connection: Connection, statements: tuple[str, ...]) -> None:
        await connection.execute("begin")
        for statement in statements:
            text = statement.format_map(self._names)
            try:
                await connection.execute(text)
            except asyncpg.PostgresError as error:
                self.refusals.append(Refusal(text, error.sqlstate or "", f"{error} {getattr(error, 'context', '')}"))
                raise
        await connection.execute("commit")
        self.commits += 1

    async def _rollback(self, connection: Connection) -> None:
        try:
            with anyio.fail_after(5):
                await connection.execute("rollback")
        except CONNECTION_ERRORS:
            connection.terminate()


async def during(
    url: str,
    seed: str,
    faults: Callable[[], Awaitable[None]],
    clients: int = 4,
    names: Mapping[str, str] = NAMES,
    refusals: list[Refusal] | None = None,
) -> int:
    """Keep `clients` at work while `faults` runs; the number of transactions that were committed. `refusals` gets the
    statements that failed; `names` may change meanwhile."""
    stop = anyio.Event()
    crew = [Client(url, f"{seed}/{number}", names) for number in range(clients)]
    async with anyio.create_task_group() as tasks:
        for client in crew:
            tasks.start_soon(client.run, stop)
        try:
            await faults()
        finally:
            stop.set()
    if refusals is not None:
        refusals += [refusal for client in crew for refusal in client.refusals]
    return sum(client.commits for client in crew)


async def settled(connection: Connection, seconds: float = 60.0, names: Mapping[str, str] = NAMES) -> None:
    """Wait until nothing is on its way any more, and look at the result: nobody missing, nobody twice, all exact."""
    with anyio.move_on_after(seconds):
        while await connection.fetchval(UNSETTLED):  # noqa: ASYNC110 - the database tells nobody
            await anyio.sleep(0.05)
    counts = {
        "unsettled": await connection.fetchval(UNSETTLED),
        "missing": await connection.fetchval(MISSING.format_map(names)),
        "twice": await connection.fetchval(TWICE.format_map(names)),
        "wrong": await connection.fetchval(WRONG.format_map(names)),
        "drift": await connection.fetchval("select count(*) from listener.course_drift"),
    }
    if counts["unsettled"]:
        counts["rows"] = [
            tuple(row)
            for table in ("pending_count", "pending_enrollment", "blind_note")
            for row in await connection.fetch(f"select * from listener.{table} limit 5")
        ]
    assert counts == {"unsettled": None, "missing": 0, "twice": 0, "wrong": 0, "drift": 0}, counts
