"""A server and databases in which programs run: what is installed there, and how it begins again."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import asyncpg

from listener import sql
from listener.database.connection import Connection, few_rows, tune
from listener.feed.consumer import statement
from tests.conftest import install_script
from tests.support import brake, lms
from tests.support.feed_history import REACTION
from tests.support.interleavings.mutants import Mutant
from tests.support.interleavings.steps import Program
from tests.support.postgres import Server

FOLDER = Path(__file__).parent
SESSIONS = 4
"""Most of one kind, the LMS's or a daemon's, in one program."""

SETTINGS = {
    "autovacuum": "off",  # its transactions would be in the snapshots
    "deadlock_timeout": "50ms",
    "checkpoint_timeout": "1h",
    "full_page_writes": "off",
}
SCHOOLS = ("school", "no_key", "paying", "joining", "migrating")
BEGIN = "set session_replication_role = replica; call proof.begin_again(true)"
FOLLOWS = "set lock_timeout = 0; set idle_in_transaction_session_timeout = 0; set client_min_messages = notice"
"""A leader waits until the schedule lets it go on; how it gives up is a step of its own."""

TEST = "insert into listener.reaction (name, text, hash) values ('test', {text}, '')"
SEES = REACTION.replace("public.applied", "proof.seen")


def daemon_settings() -> str:
    """What a daemon's session is set to, as a script."""
    return f"{few_rows('session')}\n{sql.read('database/settings', 'daemon')}\n{FOLLOWS};\n"


def start(version: int) -> Server:
    """A server on which nobody else works: snapshots list the transactions of all databases."""
    server = Server(version, settings=dict(SETTINGS))
    server.create()
    server.start()
    return server


def quoted(text: str) -> str:
    return f"$text${text}$text$"


STOPS = (
    ("settle", "listener.enroll", "for attempt in 1..2 loop"),
    ("checkpoint", "listener.enroll", "if changes = 0 then"),
    ("larger", "listener.enroll", "if fresh or more_to_read then"),
    ("fresh", "listener.enroll", "seq := listener.write_ahead("),
    ("counted", "listener.count", "if changes = 0 then"),
    ("move", "listener.count", "if not singly then"),
    ("handled", "listener.batch_is_handled", "return listener.write_checkpoint("),
    ("fresh", "listener.fresh_is_handled", "return listener.write_ahead("),
    ("step", "listener.step", "for installed in"),
)
"""Places where a statement can stop: before this text of a function."""
PATIENT = ("listener.step", "set local lock_timeout = '100ms'", "set local lock_timeout = 0")
"""A step waits until the schedule lets it go on, as a leader does."""

DEFINITION = "select pg_get_functiondef(oid) from pg_proc where oid::regproc::text = $1"

WITHOUT_KEY = (",\n    unique (user_id, course_id)", "")


def tables(ground: str) -> tuple[str, dict[str, str], str, list[str]]:
    """The LMS's tables of a school, the settings of the installation, the checks of its own, and tables of its own."""
    match ground:
        case "school" | "no_key" | "migrating":
            schema = lms.schema("bigint")
            return schema.replace(*WITHOUT_KEY) if ground == "no_key" else schema, {}, "school", []
        case "paying":
            seats = brake.TABLES.replace("title text,", "title text, seats integer,")
            schema = f"{seats}; update courses set seats = 1 where id = 2"
            own = [
                "public.payments",
                "listener.made_enrollment",
                "listener.brake_use",
                "listener.waiting",
                "proof.taken",
            ]
            return schema, brake.settings(brake="1", course_seats="seats"), "paying", own
        case "joining":
            own = ["public.payments", "listener.brake_use", "proof.joined"]
            return brake.TABLES, brake.settings("keep", joining_brake="1"), "joining", own
        case _:
            raise AssertionError(ground)


def make(server: Server, ground: str) -> str:
    """Make a school, with the listener and the checks; the database's name."""
    name = f"proof_{ground}"
    schema, settings, checks, own = tables(ground)
    server.psql("postgres", f"create database {name}")
    server.psql(name, schema)
    server.psql(name, install_script(server.url(name), settings))
    columns = ("enrollments", "students") if checks == "school" else ("enrollments",)
    values = {
        "sees": statement(SEES).replace("$1", "'test'").replace("$2", "sees.most"),
        "sees_fresh": statement(SEES, fresh=True)
        .replace("$1", "'test'")
        .replace("$2", "sees_fresh.most")
        .replace("$3", "sees_fresh.looked"),
        "own_tables": f"'{{{','.join(own)}}}'",
        "no_counts": ", ".join(f"{column} = 0" for column in columns),
        "are_no_counts": " and ".join(f"{column} = 0" for column in columns),
    }
    common = sql.render((FOLDER / "checks.sql").read_text(encoding="utf-8"), values)
    # (Who is wrong is told by a function that the common checks call.)
    server.psql(name, "set check_function_bodies = off;\n" + common)
    server.psql(name, (FOLDER / f"{checks}.sql").read_text(encoding="utf-8"))
    server.psql(name, TEST.format(text=quoted(SEES)) + "; select listener.arm_bell(1000000)")
    server.psql("postgres", f"alter database {name} set jit = off")
    anyio.run(_add_stops, server.url(name))
    return name


async def _add_stops(url: str) -> None:
    connection: Connection = await asyncpg.connect(url)
    await rewrite(connection, *PATIENT)
    for place, function, text in STOPS:
        await rewrite(connection, function, text, f"perform proof.stop('{place}'); {text}")
    await connection.close()


async def rewrite(connection: Connection, function: str, old: str, new: str) -> str:
    """Replace a text in a function that is installed; its definition as it was. Fails if the text is not in it."""
    definition: str = await connection.fetchval(DEFINITION, function)
    assert old in definition, f"{function} has no longer {old!r} in it:\n{definition}"
    await connection.execute(definition.replace(old, new))
    return definition


async def put(connection: Connection, mutant: Mutant) -> str:
    """Put a deliberate fault in; the function's definition as it was."""
    was = await rewrite(connection, mutant.function, mutant.old, mutant.new)
    if mutant.also is not None:
        await rewrite(connection, mutant.function, *mutant.also)
    return was


async def connected(url: str, *settings: str, daemon: bool = False) -> Connection:
    """A session, set as a daemon's or not."""
    made: Connection = await asyncpg.connect(url)
    if daemon:
        await tune(made)
    for text in settings:
        await made.execute(text)
    return made


@dataclass
class Ground:
    """Connections to one school."""

    server: Server
    name: str
    lms: list[Connection]
    daemons: list[Connection]
    control: Connection
    """Looks what is blocked, and whether all is right."""
    drainer: Connection
    cleaner: Connection

    @classmethod
    async def connect(cls, server: Server, ground: str) -> "Ground":
        connection = partial(connected, server.url(ground))
        found = cls(
            server,
            ground,
            [await connection() for _ in range(SESSIONS)],
            [await connection(FOLLOWS, daemon=True) for _ in range(SESSIONS)],
            await connection("set plan_cache_mode = force_generic_plan"),
            await connection("set lock_timeout = '5s'", daemon=True),
            await connection("set session_replication_role = replica"),
        )
        await found.begin_again(thoroughly=True)
        return found

    async def replace(self, gone: Connection, *, daemon: bool) -> Connection:
        """Another connection in the place of one whose session was ended."""
        made = await connected(self.server.url(self.name), *[FOLLOWS] * daemon, daemon=daemon)
        place = self.daemons if daemon else self.lms
        place[place.index(gone)] = made
        return made

    async def prepare(self, program: Program) -> None:
        """Do what comes before a schedule of the program."""
        if program.before:
            await self.drainer.execute(program.before)
            await self.catch_up(64)
        if program.then:
            await self.drainer.execute(program.then)

    async def restore(self, program: Program) -> None:
        """Undo what a schedule of the program has altered."""
        if program.after:
            with suppress(asyncpg.UndefinedColumnError):
                await self.drainer.execute(program.after)
            await self.drainer.execute("select listener.follow()")

    async def begin_again(self, *, thoroughly: bool) -> None:
        await self.cleaner.execute(f"call proof.begin_again({str(thoroughly).lower()})")
        if thoroughly:
            await self.cleaner.execute("vacuum public.courses")
            await self.cleaner.execute("vacuum pg_catalog.pg_class")

    async def catch_up(self, most: int) -> None:
        """Raises RaiseError."""
        await self.drainer.execute(f"call proof.catch_up({most})")

    def disconnect(self) -> None:
        for each in (*self.lms, *self.daemons, self.control, self.drainer, self.cleaner):
            each.terminate()
