"""`listener try`: loads a schema, installs, signs two people up, reports the result, and removes everything."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import asyncpg

from listener import sql
from listener.commands.explanation_view import verdict_line
from listener.commands.printing import tell
from listener.commands.schema import tell_of_lms
from listener.database.connection import Connection, close
from listener.database.silence import connected
from listener.demo.embedded import Embedded, clean_environment, postgres, temporary_folder
from listener.demo.interruption import until_interrupted
from listener.errors import NotLoaded, RowNotMade
from listener.inspection.profile_look import explain
from listener.mapping.mapping import Mapping
from listener.numerals import counted
from listener.schema import install as installing
from listener.trial.loading import Loading
from listener.trial.people import School, Visitors
from listener.trial.platform import Platform
from listener.trial.report import written
from listener.trial.statements import Statement

COMMAND = "try"
ADMIN = "listener_trial"
"""The superuser, under a name that no dump has."""
DATABASE = "lms"
PEOPLE = 2
MOST_STEPS = 8
INTERRUPTED = 130
"""Exit status, as in shells."""
WITHOUT = ("--no-comments", "--no-publications", "--no-subscriptions", "--no-security-labels")
"""Options for a dump of structure alone."""
TOKENS = ("\\restrict", "\\unrestrict")
"""Lines of pg_dump that differ each time."""


@dataclass(frozen=True)
class Wanted:
    """The user's request."""

    statements: Sequence[Statement]
    settings: dict[str, str]
    """Of the mapping."""
    take_over: bool = False
    report: Path | None = None
    why: bool = False


async def show(wanted: Wanted) -> int:
    """The exit status. Raises MissingExtra, EmbeddedPostgresFailed, NotLoaded, and the errors of `installing.plan`."""
    status = await until_interrupted(partial(_run, wanted))
    if status is None:
        tell("Stopped: Postgres and its temporary folder are gone.")
    return INTERRUPTED if status is None else status


async def _run(wanted: Wanted) -> int:
    async with temporary_folder(COMMAND) as folder, postgres(folder, COMMAND) as server:
        await _make_owner(server)
        async with _plain(server, ADMIN) as admin, _plain(server, "postgres") as app:
            await _load(wanted, server, admin, app)
            await app.execute("reset all")
            return await _Trial(wanted, server, app).run()


async def _load(wanted: Wanted, server: Embedded, admin: Connection, app: Connection) -> None:
    loading = Loading(app, Platform(admin, app))
    failed = None
    try:
        await loading.load(wanted.statements)
    except NotLoaded as error:
        failed = error
    for line in loading.loaded.lines():
        tell(line)
    if wanted.report is not None:
        text = written(await _dump(server, *WITHOUT), wanted.settings, failed)
        await anyio.Path(wanted.report).write_text(text, encoding="utf-8")
        tell(f"wrote {wanted.report}: structure alone; look through it before you send it")
    if failed is not None:
        raise failed


@dataclass
class _Trial:
    wanted: Wanted
    server: Embedded
    app: Connection
    """A connection like the app's."""

    async def run(self) -> int:
        before = await _dump(self.server)
        async with connected(_url(self.server, "postgres"), only_looks=False) as connection:
            plan = await installing.plan(connection, self.wanted.settings, take_over=self.wanted.take_over)
            tell("")
            await tell_of_lms(connection, plan, why=self.wanted.why)
            tell("")
            problem = await self._sign_ups(connection, plan)
            await installing.uninstall(connection)
        leaves = _difference(before, await _dump(self.server))
        if leaves is None:
            tell("uninstall leaves no trace: the schema's dump is what it was")
        else:
            tell(f"uninstall leaves a trace: the schema's dump differs, first in `{leaves}`")
        return 0 if problem is None and leaves is None else 2

    async def _sign_ups(self, connection: Connection, plan: installing.Plan) -> str | None:
        """The problem, if there is any."""
        mapping = plan.mapping
        visitors = await Visitors.of(self.app, connection, mapping)
        problem = None
        try:
            school = await visitors.course()
        except RowNotMade as error:
            school, problem = None, str(error)
        await installing.install(connection, plan)
        if problem is None and school is not None:
            problem = await self._watch(connection, visitors, school)
        if problem is not None:
            tell(problem)
        return problem

    async def _watch(self, connection: Connection, visitors: Visitors, school: School) -> str | None:
        people = []
        for _ in range(PEOPLE):
            try:
                people.append(await visitors.sign_up(school))
            except RowNotMade as error:
                return str(error)
        wrong = await self._step()
        mapping = visitors.mapping
        table = mapping.profile_table.label
        courses = {}
        for number, key in enumerate(people, 1):
            explained = await explain(connection, key)
            tell(f"person {number} signs up in {table}: {verdict_line(explained)}")
            for waits in explained.seen.pending:
                if waits.error:
                    tell(f"    {waits.error}")
            for each in explained.seen.enrollments or ():
                courses[each.course] = explained.course(each.course)
                status = "" if each.status is None else f", {mapping.enrollment_status} {each.status}"
                status += "" if each.active else ": does not count"
                tell(f"    in course {explained.course(each.course)}{status}")
            if (
                mapping.enrolls
                and not mapping.observes
                and not any(each.active for each in explained.seen.enrollments or ())
            ):
                wrong = wrong or f"person {number} is not enrolled"
        for line in await self._counts(mapping, courses):
            tell(line)
        return wrong

    async def _step(self) -> str | None:
        """Do the daemon's work until nothing is left."""
        for _ in range(MOST_STEPS):
            done = await self.app.fetchrow("select notes_left, problem from listener.step()")
            if done is None or done["problem"] is not None:
                return None if done is None else f"a step failed: {done['problem']}"
            if not done["notes_left"]:
                break
        return None

    async def _counts(self, mapping: Mapping, courses: dict[str, str]) -> list[str]:
        """What these courses, by key with what they are called, say now, and how many are enrolled."""
        said = []
        columns = mapping.count_columns if mapping.counts_in_courses else ()
        names = ", ".join(
            ["counted.active_enrollments as live", *(f"course.{sql.identifier(each)}" for each in columns)]
        )
        for course, named in courses.items() if mapping.counts else ():
            row = await self.app.fetchrow(
                f"select {names} from listener.course_live_count as counted inner join {mapping.course_table} as course"
                f" on course.{sql.identifier(mapping.course_key)} = counted.id"
                f" where counted.id = {sql.literal(course)}"
            )
            if row is not None:
                of_columns = "".join(f"; {name} says {row[name]}" for name in columns)
                said.append(f"course {named} has {counted(row['live'], 'active enrollment')}{of_columns}")
        return said


async def _make_owner(server: Embedded) -> None:
    """Give the schema an owner called postgres, as in most places, without superuser rights."""
    async with _plain(server, "postgres", "postgres") as first:
        await first.execute(f"create role {ADMIN} superuser login")
    async with _plain(server, ADMIN, "postgres") as admin:
        await admin.execute("alter role postgres rename to listener_trial_first")
        await admin.execute(sql.read("trial/platform", "owner"))
        await admin.execute("alter system set fsync = off")
        await admin.execute("select pg_reload_conf()")
        newest = await admin.fetchval("select current_setting('server_version_num')::integer >= 170000")
        await admin.execute(
            f"create database {DATABASE} owner postgres template template0 encoding 'UTF8'"
            + (" locale_provider builtin builtin_locale 'C.UTF-8' locale 'C'" if newest else "")
        )


@asynccontextmanager
async def _plain(server: Embedded, user: str, database: str = DATABASE) -> AsyncIterator[Connection]:
    connection: Connection = await asyncpg.connect(_url(server, user, database), timeout=10)
    try:
        yield connection
    finally:
        await close(connection)


def _url(server: Embedded, user: str, database: str = DATABASE) -> str:
    return server.url.replace("//postgres:", f"//{user}:", 1).replace("/postgres?", f"/{database}?", 1)


async def _dump(server: Embedded, *options: str) -> str:
    done = await anyio.run_process(
        [
            str(server.programs / "pg_dump"),
            *("--schema-only", "--no-owner", "--no-privileges", *options),
            *("-d", _url(server, ADMIN)),
        ],
        env=clean_environment(),
    )
    lines = done.stdout.decode(errors="replace").splitlines()
    return "\n".join(line for line in lines if not line.startswith(TOKENS))


def _difference(before: str, after: str) -> str | None:
    """The first line that only `before` or only `after` has."""
    if before == after:
        return None
    alone = set(before.splitlines()) ^ set(after.splitlines())
    return next((each for each in [*after.splitlines(), *before.splitlines()] if each in alone), "the order of things")
