"""What the application and its people do, at random: the same dice do the same things again."""

import random
from dataclasses import dataclass, field

import asyncpg

from listener.database.connection import Connection
from listener.database.driver_errors import CONNECTION_ERRORS
from tests.support.wanted.tables import Keys

Statements = list[str]


class Doings:
    """What the application and its people do; each is a few statements, made with the dice."""

    def __init__(self, dice: random.Random, keys: Keys) -> None:
        self._dice = dice
        self._held = keys

    def transaction(self) -> Statements:
        """One transaction: statements, ended by commit or rollback."""
        found: Statements = []
        for _ in range(self._dice.choice([1, 1, 1, 2, 2, 3, 4])):
            found += self._one()
            if self._dice.random() < 0.15:
                found.append(f"select pg_sleep({self._dice.uniform(0, 0.06):.3f})")
        return [*found, "rollback" if self._dice.random() < 0.15 else "commit"]

    def _one(self) -> Statements:
        doings = [
            (8, self._people), (8, self._organisations), (8, self._memberships), (8, self._payments),
            (8, self._cohorts), (8, self._groups), (8, self._members), (8, self._courses),
            (10, self._by_hand), (2, self._keys),
            (0.7, self._truncate),
        ]  # fmt: skip
        (doing,) = self._dice.choices([each for _, each in doings], [weight for weight, _ in doings])
        return [self._dice.choice(doing())]

    def _key(self, highest: int = 14) -> int:
        return self._dice.randint(1, highest)

    def _some(self, column: str, highest: int = 14) -> str:
        """A condition: one row, or several."""
        if self._dice.random() < 0.6:
            return f"{column} = {self._key(highest)}"
        divisor = self._dice.randint(2, 5)
        return f"{column} % {divisor} = {self._dice.randrange(divisor)}"

    def _people(self) -> Statements:
        role = self._dice.choice(["student", "student", "teacher"])
        some = f"select number, '{role}' from generate_series(1, {self._key()}) as number"
        return [
            f"insert into profiles (id, role) values ({self._key()}, '{role}') on conflict do nothing",
            f"insert into profiles (id, role) {some} on conflict (id) do update set role = excluded.role",
            f"update profiles set role = '{role}' where {self._some('id')}",
            f"update profiles set name = 'other' where {self._some('id')}",
            f"delete from profiles where {self._some('id')}",
        ]

    def _organisations(self) -> Statements:
        course = self._dice.choice(["null", *map(str, range(1, 8))])
        return [
            f"insert into organisations (id, course_id) values ({self._key(4)}, {course}) on conflict do nothing",
            f"update organisations set course_id = {course} where {self._some('id', 4)}",
            f"update organisations set course_id = {course}, name = 'other' where {self._some('id', 4)}",
            f"delete from organisations where id = {self._key(4)}",
        ]

    def _memberships(self) -> Statements:
        some = f"select id, {self._key(4)} from profiles where {self._some('id')}"
        return [
            f"insert into memberships (profile_id, organisation_id) values ({self._key()}, {self._key(4)})",
            f"insert into memberships (profile_id, organisation_id) {some}",
            f"update memberships set organisation_id = {self._key(4)} where {self._some('profile_id')}",
            f"update memberships set profile_id = {self._key()} where {self._some('id', 30)}",
            f"delete from memberships where {self._some('profile_id')}",
            f"delete from memberships where {self._some('organisation_id', 4)}",
        ]

    def _payments(self) -> Statements:
        plan = self._dice.choice(["gold", "gold", "free", "none"])
        return [
            f"insert into payments (profile_id, plan) values ({self._key()}, '{plan}')",
            f"insert into payments (profile_id, plan) select id, '{plan}' from profiles where {self._some('id')}",
            f"update payments set paid = not paid where {self._some('profile_id')}",
            f"update payments set plan = '{plan}' where {self._some('id', 30)}",
            f"update payments set profile_id = {self._key()} where {self._some('id', 30)}",
            f"update payments set profile_id = null where {self._some('id', 30)}",
            f"delete from payments where {self._some('profile_id')}",
        ]

    def _cohorts(self) -> Statements:
        return [
            f"insert into cohorts (id, course_id) values ({self._key(4)}, {self._key(7)}) on conflict do nothing",
            f"update cohorts set is_open = not is_open where {self._some('id', 4)}",
            f"update cohorts set course_id = {self._key(7)} where {self._some('id', 4)}",
            f"delete from cohorts where id = {self._key(4)}",
        ]

    def _groups(self) -> Statements:
        return [
            f"insert into groups (id, cohort_id) values ({self._key(5)}, {self._key(4)}) on conflict do nothing",
            f"update groups set cohort_id = {self._key(4)} where {self._some('id', 5)}",
            f"update groups set cohort_id = null where {self._some('id', 5)}",
            f"delete from groups where id = {self._key(5)}",
        ]

    def _members(self) -> Statements:
        some = f"select {self._key(5)}, id from profiles where {self._some('id')}"
        return [
            f"insert into members (group_id, profile_id) values ({self._key(5)}, {self._key()}) on conflict do nothing",
            f"insert into members (group_id, profile_id) {some} on conflict do nothing",
            f"update members set group_id = {self._key(5)} where {self._some('profile_id')}",
            f"update members set profile_id = {self._key()} where {self._some('profile_id')}",
            f"update members set note = 'other' where {self._some('profile_id')}",
            f"delete from members where {self._some('profile_id')}",
            f"delete from members where {self._some('group_id', 5)}",
        ]

    def _courses(self) -> Statements:
        plan = self._dice.choice(["free", "gold", "none"])
        return [
            f"insert into courses (id, plan) values ({self._key(7)}, '{plan}') on conflict do nothing",
            f"update courses set published = not published where {self._some('id', 7)}",
            f"update courses set plan = '{plan}' where id = {self._key(7)}",
            f"update courses set title = 'other' where {self._some('id', 7)}",
            f"delete from courses where id = {self._key(7)}",
        ]

    def _by_hand(self) -> Statements:
        status = self._dice.choice(["active", "inactive", "completed"])
        pair = f"{self._some('profile_id')} and {self._some('course_id', 7)}"
        one = f"{self._key()}, {self._key(7)}, '{status}'"
        found = [
            f"insert into enrollments (profile_id, course_id, status) values ({one})",
            f"update enrollments set status = '{status}' where {pair}",
            f"delete from enrollments where {pair}",
            f"delete from enrollments where {pair}",
        ]
        if self._held.unique:
            found.append(f"update enrollments set course_id = {self._key(7)} where id % 20 = {self._key(19)}")
        return found

    def _keys(self) -> Statements:
        one, other = self._dice.sample(range(1, 15), 2)
        return [
            # Without a foreign key, an enrollment would stay behind under a key that is nobody's.
            *([f"update profiles set id = {other} where id = {one}"] if self._held.referred else []),
            f"update courses set id = {other % 7 + 1} where id = {one % 7 + 1}",
            f"update organisations set id = {other % 4 + 1} where id = {one % 4 + 1}",
            f"update groups set id = {other % 5 + 1} where id = {one % 5 + 1}",
            f"update cohorts set id = {other % 4 + 1} where id = {one % 4 + 1}",
        ]

    def _truncate(self) -> Statements:
        again = "insert into profiles (id) select number from generate_series(1, 10) as number"
        courses = "insert into courses (id) select number from generate_series(1, 6) as number"
        return [
            "truncate memberships",
            "truncate payments",
            "truncate members",
            "truncate groups cascade",
            *(["truncate enrollments"] if self._dice.random() < 0.3 else []),
            f"set local test.as_a_consequence = 'on'; truncate profiles cascade; {again}",
            "set local test.as_a_consequence = 'on'; truncate profiles cascade",
            f"set local test.as_a_consequence = 'on'; truncate courses cascade; {courses}",
        ]


OF_THE_APPLICATION_S_OWN = {
    "23503",  # somebody, or something, that is not there
    "23505",  # what is there already
    "40P01",  # a deadlock between two of its own
    "55P03",  # a lock that it asked for with a limit
}


@dataclass
class Client:
    """One session of the application, which connects again whatever becomes of the server."""

    url: str
    doings: Doings
    refusals: list[str] = field(default_factory=list)
    commits: int = 0

    async def run(self, transactions: int) -> None:
        """So many transactions."""
        connection: Connection = await asyncpg.connect(self.url, server_settings={"application_name": "school"})
        try:
            await connection.execute("set lock_timeout = '2s'")
            for _ in range(transactions):
                await self._transact(connection, self.doings.transaction())
        finally:
            connection.terminate()

    async def _transact(self, connection: Connection, statements: Statements) -> None:
        try:
            await connection.execute("begin")
            for statement in statements:
                await connection.execute(statement)
        except CONNECTION_ERRORS as error:
            code = getattr(error, "sqlstate", None)
            if code not in OF_THE_APPLICATION_S_OWN or "listener" in str(getattr(error, "context", "")):
                self.refusals.append(f"{statement}: {code} {error} {getattr(error, 'context', '')}")
            await connection.execute("rollback")
        else:
            self.commits += 1
