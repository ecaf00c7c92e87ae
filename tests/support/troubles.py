"""Faults that are problems, each made and mended, for who looks at the list of problems."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from listener.database.connection import Connection
from listener.database.locks import FIRST_DEPUTY_LOCK, LOCK_CLASS
from tests.conftest import Database
from tests.support import runbook
from tests.support.connecting import connect
from tests.support.eventually import all_handled, eventually
from tests.support.process import listener
from tests.support.refusing import refuse

HOLDING = (
    "select pid, usename, application_name, relation::regclass as table, mode from pg_locks join pg_stat_activity"
    " using (pid) where datname = current_database() and granted and relation is not null and"
    " mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"
)

DISABLE = "alter table TABLE disable trigger NAME"

LONG_AGO = "clock_timestamp() - interval '1 hour'"


@dataclass(frozen=True)
class Ground:
    """An LMS with one course, and an application's connection to it."""

    database: Database
    app: Connection

    async def sign_up(self, count: int = 1) -> None:
        """So many students."""
        await self.app.execute(f"insert into profiles (role) select 'student' from generate_series(1, {count})")

    async def follow(self, alert: str, command: str, **values: object) -> None:
        """Do what the runbook says to an alert."""
        await runbook.follow(self.database.url, self.app, alert, command, **values)


Fault = Callable[[Ground], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def everybody_is_refused(ground: Ground) -> AsyncIterator[None]:
    """By a trigger of the LMS's."""
    await ground.app.execute(refuse())
    await ground.sign_up(4)
    yield
    await ground.follow("ListenerEverybodyRefused", DISABLE, TABLE="enrollments", NAME="refuse")
    await ground.follow("ListenerEverybodyRefused", "listener pending retry")
    await ground.app.execute("drop function refuse cascade")


@asynccontextmanager
async def a_course_refuses(ground: Ground) -> AsyncIterator[None]:
    """To have its count moved."""
    await ground.app.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'closed'; end $$;"
        "create trigger refuse before update on courses for each row execute function refuse()"
    )
    await ground.sign_up()
    yield
    await ground.follow("ListenerCountsStandStill", DISABLE, TABLE="courses", NAME="refuse")
    await ground.follow("ListenerCountsStandStill", "listener pending retry")
    await ground.app.execute("drop function refuse cascade")


@asynccontextmanager
async def no_course_is_published(ground: Ground) -> AsyncIterator[None]:
    """For longer than a change of courses takes."""
    await ground.app.execute("update courses set status = 'draft'")
    await ground.sign_up()
    waiting = "select count(*) > 0 from listener.pending_enrollment where reason = 'no_course'"
    await eventually(ground.app, waiting, equals=True, seconds=30)
    await ground.app.execute(f"update listener.pending_enrollment set since = {LONG_AGO}")
    yield
    await ground.follow("ListenerPendingStudents", "listener rule")
    await ground.app.execute("update courses set status = 'published'")


@asynccontextmanager
async def a_course_is_held(ground: Ground) -> AsyncIterator[None]:
    """By a session that forgot to commit."""
    await ground.sign_up()
    await eventually(ground.app, "select exists (select from enrollments)", equals=True, seconds=30)
    # Or the move of this enrollment's count and of that of the one that is deleted cancel each other out.
    await all_handled(ground.app)
    holder: Connection = await connect(ground.database.url)
    try:
        await holder.execute("begin; select from courses for update")
        guest = await ground.app.fetchval("insert into profiles (role) values ('guest') returning id")
        one = "delete from enrollments where ctid = (select min(ctid) from enrollments) returning user_id"
        left = await ground.app.fetchval(one)
        await ground.sign_up()
        waiting = "select count(*) > 0 from listener.pending_enrollment where reason = 'course_locked'"
        await eventually(ground.app, waiting, equals=True, seconds=30)
        await eventually(ground.app, "select count(*) > 0 from listener.pending_count", equals=True, seconds=30)
        await ground.app.execute(
            f"update listener.pending_enrollment set since = {LONG_AGO};"
            f"update listener.pending_count set since = {LONG_AGO};"
        )
        await ground.app.execute("delete from profiles where id in ($1, $2)", guest, left)
        yield
        said = listener(ground.database.url, "pending").stdout
        named = re.search(r"session (\d+)", said)
        assert named is not None, said
        await ground.follow("ListenerPendingStudents", "select pg_terminate_backend(PID)", PID=named[1])
        await ground.follow("ListenerPendingStudents", "listener pending retry")
    finally:
        holder.terminate()


@asynccontextmanager
async def an_enrollment_is_held(ground: Ground) -> AsyncIterator[None]:
    """By the brake. (This school takes nothing back: the ledger says so as well as a mistake would.)"""
    await ground.sign_up()
    await eventually(ground.app, "select exists (select from enrollments)", equals=True, seconds=30)
    await ground.app.execute(
        "insert into listener.made_enrollment (profile_id, course_id, held_since)"
        " select user_id, course_id, clock_timestamp() from enrollments limit 1"
    )
    yield
    await ground.follow("ListenerEnrollmentsHeld", "listener release --dry-run")
    await ground.app.execute("delete from listener.made_enrollment")  # `listener release` has tests of its own


@asynccontextmanager
async def a_table_is_locked(ground: Ground) -> AsyncIterator[None]:
    """One of the listener's own, so that nothing can be handled, and the audit waits for that."""
    holder: Connection = await connect(ground.database.url)
    try:
        await holder.execute("begin; lock table listener.checkpoint in exclusive mode")
        await ground.sign_up()
        await ground.app.execute(f"update listener.change set at = {LONG_AGO}")
        yield
        pid = holder.get_server_pid()
        holding = runbook.command("ListenerEventsDelayed", HOLDING)
        assert await ground.app.fetchval(f"select $1 in (select pid from ({holding}) as found)", pid)
        await ground.follow("ListenerEventsDelayed", "select pg_terminate_backend(PID)", PID=pid)
    finally:
        holder.terminate()


@asynccontextmanager
async def the_audit_fails(ground: Ground) -> AsyncIterator[None]:
    """Functions of the listener's are gone, and so blind notes stay."""
    await ground.app.execute("drop function listener.make_good_students, listener.audit_students")
    await ground.app.execute(
        "insert into listener.blind_note (at, source, operation, sqlstate)"
        f" values ({LONG_AGO}, 'profiles', 'insert', '42703')"
    )
    yield
    await ground.follow("ListenerAuditFailing", "listener install")
    await ground.follow("ListenerAuditFailing", "listener sync")


@asynccontextmanager
async def audits_find_the_same_again(ground: Ground) -> AsyncIterator[None]:
    """Somebody writes past the triggers, and a trigger of the LMS's counts, too; another keeps a count as it likes."""
    await ground.app.execute(
        """
        set session_replication_role = replica;
        insert into profiles (role) values ('student');
        reset session_replication_role;
        create function count_too() returns trigger language plpgsql as $$
        begin
            update courses set enrollments = enrollments + 1 where id = new.course_id;
            return new;
        end $$;
        create trigger count_too after insert on enrollments for each row execute function count_too();
        create function insist() returns trigger language plpgsql as
        $$ begin new.students := 1587; return new; end $$;
        create trigger insist before update on courses for each row execute function insist();
        """
    )
    await ground.sign_up()
    yield
    await ground.follow("ListenerForeignTriggers", "listener install --take-over")
    await ground.app.execute("drop function insist cascade")
    await ground.follow("ListenerWantedMissing", "listener sync")
    await ground.app.execute("drop function count_too cascade")


@asynccontextmanager
async def a_stranger_holds_a_lock(ground: Ground) -> AsyncIterator[None]:
    """Who may do nothing else."""
    role = f"stranger_{ground.database.name}"
    await ground.app.execute(f"create role {role} login")
    stranger: Connection = await connect(ground.database.server.url(ground.database.name, user=role))
    await stranger.execute("select pg_advisory_lock($1, $2)", LOCK_CLASS, FIRST_DEPUTY_LOCK)
    yield
    said = listener(ground.database.url, "status", check=False).stdout
    named = re.search(r"pg_terminate_backend\((\d+)\)", said)
    assert named is not None, said
    await ground.follow("ListenerLockSquatted", "select pg_terminate_backend(PID)", PID=named[1])
    await ground.follow(
        "ListenerLockSquatted",
        "revoke connect on database DATABASE from ROLE",
        DATABASE=ground.database.name,
        ROLE=role,
    )
    stranger.terminate()
    await ground.app.execute(f"drop role {role}")


@asynccontextmanager
async def counting_is_paused(ground: Ground) -> AsyncIterator[None]:
    """By somebody."""
    listener(ground.database.url, "pause", "count")
    yield
    await ground.follow("ListenerPaused", "listener resume NAME", NAME="count")


@asynccontextmanager
async def a_column_is_gone(ground: Ground) -> AsyncIterator[None]:
    """That says who is a student."""
    await ground.app.execute("alter table profiles drop column role")
    yield
    bring_back = "alter table TABLE add column NAME TYPE"
    await ground.follow("ListenerMappingBroken", bring_back, TABLE="profiles", NAME="role", TYPE="text")


@asynccontextmanager
async def a_column_has_another_in_its_place(ground: Ground) -> AsyncIterator[None]:
    """With other words in it."""
    await ground.app.execute("alter table profiles drop column role, add column kind text default 'pupil'")
    yield
    alert, install = "ListenerMappingBroken", "listener install --student-column kind --student-values pupil"
    await ground.follow(alert, f"{install} --print")
    await ground.follow(alert, install)
    await eventually(ground.app, "select count(*) from listener.blind_note", equals=0, seconds=30)
    await ground.app.execute("alter table profiles drop column kind, add column role text")
    listener(ground.database.url, "install", "--student-column", "role", "--student-values", "student")


@asynccontextmanager
async def a_trigger_is_off(ground: Ground) -> AsyncIterator[None]:
    """Of the listener's."""
    await ground.app.execute("alter table profiles disable trigger listener_insert")
    yield
    await ground.follow("ListenerTriggersOff", "alter table TABLE enable trigger listener_insert", TABLE="profiles")


@asynccontextmanager
async def sessions_are_replicas(ground: Ground) -> AsyncIterator[None]:
    """By a setting of the database."""
    await ground.app.execute(f"alter database {ground.database.name} set session_replication_role = replica")
    yield
    reset = "alter database DATABASE reset session_replication_role"
    await ground.follow("ListenerReplicaRole", reset, DATABASE=ground.database.name)
    await ground.follow("ListenerReplicaRole", "listener sync")


@asynccontextmanager
async def a_reaction_of_ones_own_fails(ground: Ground) -> AsyncIterator[None]:
    """On a table that is not there."""
    await ground.app.execute(
        "insert into listener.checkpoint (consumer, seq, handled) values ('welcome', 0, pg_current_snapshot());"
        "insert into listener.reaction (name, text, hash) values ('welcome', 'select nowhere()', 'x')"
    )
    await ground.sign_up()
    yield
    await ground.follow("ListenerReactionBlocked", "listener pause NAME", NAME="welcome")
    await eventually(ground.app, "select count(*) from listener.problem where code = 'paused'", equals=1, seconds=30)
    await ground.app.execute(
        "delete from listener.pause; delete from listener.reaction;"
        "delete from listener.checkpoint where consumer = 'welcome'"
    )


@asynccontextmanager
async def another_version_is_installed(ground: Ground) -> AsyncIterator[None]:
    """Of a later program, which is gone."""
    await ground.sign_up()  # `install` asks what rows say who is a student
    await ground.app.execute("update listener.installation set version = version + 1")
    yield
    for command in ("listener uninstall", "listener install", "listener sync"):
        await ground.follow("ListenerAnotherVersion", command)


FAULTS: dict[Fault, set[str]] = {
    everybody_is_refused: {"students_refused", "everybody_refused"},
    a_course_refuses: {"counts_refused"},
    no_course_is_published: {"no_course"},
    a_course_is_held: {"course_locked", "counts_locked"},
    an_enrollment_is_held: {"enrollments_held"},
    a_table_is_locked: {"feed_lag", "reaction_blocked", "audit_overdue"},
    the_audit_fails: {"audit_failing", "blind_notes"},
    audits_find_the_same_again: {"wanted_missing", "drift_returns", "foreign_triggers"},
    a_stranger_holds_a_lock: {"locks_squatted"},
    counting_is_paused: {"paused"},
    a_column_is_gone: {"mapping_broken"},
    a_column_has_another_in_its_place: {"mapping_broken"},
    a_trigger_is_off: {"triggers_missing"},
    sessions_are_replicas: {"replica_role"},
    a_reaction_of_ones_own_fails: {"reaction_blocked"},
    another_version_is_installed: {"another_version"},
}
"""Each fault, and the codes of what it should show."""

ALERTS = {
    "not_connected": "ListenerNotConnected",
    "another_version": "ListenerAnotherVersion",
    "deaf": "ListenerDeaf",
    "no_leader": "ListenerNoLeader",
    "feed_lag": "ListenerEventsDelayed",
    "mapping_broken": "ListenerMappingBroken",
    "triggers_missing": "ListenerTriggersOff",
    "replica_role": "ListenerReplicaRole",
    "everybody_refused": "ListenerEverybodyRefused",
    "enrollments_held": "ListenerEnrollmentsHeld",
    "counts_refused": "ListenerCountsStandStill",
    "counts_locked": "ListenerCountsStandStill",
    "reaction_blocked": "ListenerReactionBlocked",
    "audit_failing": "ListenerAuditFailing",
    "audit_overdue": "ListenerAuditFailing",
    "wanted_missing": "ListenerWantedMissing",
    "drift_returns": "ListenerDriftReturning",
    "foreign_triggers": "ListenerForeignTriggers",
    "route_missed": "ListenerRouteMissed",
    "students_refused": "ListenerPendingStudents",
    "no_course": "ListenerPendingStudents",
    "course_locked": "ListenerPendingStudents",
    "blind_notes": "ListenerBlindNotes",
    "locks_squatted": "ListenerLockSquatted",
    "paused": "ListenerPaused",
    "polling": "ListenerPolling",
    "no_standby": "ListenerNoStandby",
}
"""The alert of each code."""
