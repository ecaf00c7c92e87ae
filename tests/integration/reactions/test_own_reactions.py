"""Reactions of one's own: files that `listener install --reactions` brings, and that the daemon runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from listener.connection import Connection
from tests.conftest import Database
from tests.support.eventually import eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener
from tests.support.reactions import WELCOME, WELCOMED, Folder, queue

StartDaemon = Callable[..., DaemonProcess]

STUDENT = "insert into profiles (role) values ('student') returning id"
FAST = {"heartbeat_seconds": 0.3, "retention_seconds": 0, "sample_seconds": 0.3}
UNHANDLED = "select count(*) from listener.unhandled($1)"
COURSE = "insert into courses (title, price) values ('a', 1)"


@pytest.fixture
def folder(tmp_path: Path, database: Database) -> Folder:
    """A folder of reactions, for the database of this test."""
    return Folder(tmp_path / "reactions", database)


@pytest.fixture
async def queued(connection: Connection) -> None:
    """The table that the reaction `welcome` writes is there."""
    await queue(connection)


@dataclass(frozen=True)
class As(Database):
    """A database, as one of its roles reaches it."""

    role: str

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url(self.name, user=self.role)


def as_role(database: Database, role: str) -> Database:
    return As(database.server, database.name, role)


async def test_each_student_is_handled_once_under_a_role_that_may_do_nothing_else_whatever_is_killed(
    database: Database, connection: Connection, queued: None, folder: Folder, start_daemon: StartDaemon
) -> None:
    await connection.execute("create role rx_welcomer login; grant select, insert on welcome_queue to rx_welcomer")
    folder.write("welcome", WELCOME)
    assert "installed reaction welcome" in folder.install("--grant-to", "rx_welcomer")
    daemon = start_daemon(as_role(database, "rx_welcomer"), **FAST).wait_ready("leading")

    who = "select usename from pg_stat_activity where application_name = 'listener' and datname = $1"
    assert await connection.fetchval(who, database.name) == "rx_welcomer"
    students = [await connection.fetchval(STUDENT) for _ in range(5)]
    await connection.execute("insert into profiles (role) values ('teacher')")
    again = "update profiles set role = $2 where id = $1"
    await connection.execute(again, students[0], "teacher")
    await connection.execute(again, students[0], "student")
    await eventually(connection, WELCOMED, equals=sorted(students))

    for _ in range(3):
        daemon.kill()
        students += [row["id"] for row in await connection.fetch(f"{STUDENT[:-13]}, ('student') returning id")]
        daemon = start_daemon(as_role(database, "rx_welcomer"), **FAST).wait_ready("leading")
        students.append(await connection.fetchval(STUDENT))
    await eventually(connection, WELCOMED, equals=sorted(students))
    await eventually(connection, UNHANDLED, "welcome", equals=0)
    assert daemon.metric('listener_batch_changes_count{consumer="welcome"}') >= 1


async def test_a_batch_that_was_cut_off_by_kill_is_done_once(
    database: Database, connection: Connection, queued: None, folder: Folder, start_daemon: StartDaemon
) -> None:
    """The table counts how often each was queued: there is no key that would hide a second time."""
    await connection.execute("create table tally (profile_id uuid)")
    text = WELCOME.replace("welcome_queue", "tally").replace("    on conflict (profile_id) do nothing\n", "")
    folder.write("tally", text)
    folder.install()
    sleepy = """
    create function dawdle() returns trigger language plpgsql as
    'begin perform pg_catalog.pg_sleep(0.3); return null; end';
    create trigger dawdle after insert on tally for each statement execute function dawdle();
    """
    await connection.execute(sleepy)
    total = 0
    for _ in range(4):
        daemon = start_daemon(database, **FAST).wait_ready("leading")
        await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 40)")
        total += 40
        at_work = "select count(*) > 0 from pg_stat_activity where wait_event = 'PgSleep' and datname = $1"
        await eventually(connection, at_work, database.name, equals=True)
        daemon.kill()
    await connection.execute("drop trigger dawdle on tally")
    start_daemon(database, **FAST).wait_ready("leading")
    await eventually(connection, "select count(distinct profile_id) from tally", equals=total)
    await eventually(connection, UNHANDLED, "tally", equals=0)
    assert await connection.fetchval("select count(*) from tally") == total


async def test_a_daemon_at_work_takes_up_what_is_installed_upgraded_and_removed(
    database: Database, connection: Connection, queued: None, folder: Folder, start_daemon: StartDaemon
) -> None:
    """Long before its next heartbeat."""
    daemon = start_daemon(database, heartbeat_seconds=300, retention_seconds=0).wait_ready("leading")
    await connection.execute(STUDENT)
    folder.write("welcome", WELCOME)
    assert "installed reaction welcome" in folder.install()
    assert "reactions: nothing to do" in folder.install()
    wait_until(lambda: len(daemon.events("reactions_loaded")) == 1, "it was told")
    first = await connection.fetchval(STUDENT)
    await eventually(connection, WELCOMED, equals=[first])

    await connection.execute("alter table welcome_queue add column note text")
    folder.write("welcome", WELCOME.replace("(profile_id)\n", "(profile_id, note)\n").replace(".id\n", ".id, 'new'\n"))
    assert "upgraded reaction welcome" in folder.install()
    wait_until(lambda: len(daemon.events("reactions_loaded")) == 2, "it was told again")
    checkpoints = "select count(*) from listener.checkpoint where consumer = 'welcome'"
    await eventually(connection, checkpoints, equals=1)  # the others are purged
    second = await connection.fetchval(STUDENT)
    notes = "select json_object_agg(profile_id, note)::jsonb - $1::text from welcome_queue"
    await eventually(connection, notes, str(first), equals=f'{{"{second}": "new"}}')

    listener(database.url, "install")
    assert await connection.fetchval("select array_agg(name) from listener.reaction") == ["welcome"]

    listener(database.url, "pause", "welcome")
    await connection.execute(STUDENT)
    folder.remove("welcome")
    assert "removed reaction welcome, whose file is gone" in folder.install()
    wait_until(lambda: daemon.events("reactions_loaded")[-1]["reactions"] == [], "it is done with it")
    assert await connection.fetchval(checkpoints) == 0
    assert await connection.fetchval("select count(*) from listener.pause") == 0
    assert 'consumer="welcome"' not in daemon.get("/metrics")[1]
    await eventually(connection, "select count(*) from listener.change", equals=0)
    await connection.execute(STUDENT)
    await eventually(connection, UNHANDLED, "enroll", equals=0)
    assert await connection.fetchval("select count(*) from welcome_queue") == 2


async def test_notes_wait_for_it_and_for_nobody_once_it_is_removed(
    database: Database, connection: Connection, queued: None, folder: Folder, start_daemon: StartDaemon
) -> None:
    folder.write("welcome", WELCOME)
    folder.install()
    await connection.execute("alter table welcome_queue add constraint full_up check (false)")
    await connection.execute(STUDENT)
    daemon = start_daemon(database, **FAST).wait_ready("leading")
    await eventually(connection, UNHANDLED, "enroll", equals=0)
    samples = daemon.metric("listener_samples_total")
    wait_until(lambda: daemon.metric("listener_samples_total") >= samples + 2, "the purge, due before, has come by")
    assert await connection.fetchval(UNHANDLED, "welcome") == 1
    daemon.kill()
    folder.remove("welcome")
    folder.install()
    start_daemon(database, **FAST).wait_ready("leading")
    await eventually(connection, "select count(*) from listener.change", equals=0)


async def test_one_that_fails_holds_nobody_up_is_told_once_and_goes_on_when_it_can(
    database: Database, connection: Connection, queued: None, folder: Folder, start_daemon: StartDaemon
) -> None:
    folder.write("welcome", WELCOME)
    folder.write("other", WELCOME.replace("welcome_queue", "other_queue"))
    await connection.execute("create table other_queue (profile_id uuid primary key)")
    folder.install()
    await connection.execute(COURSE)
    await connection.execute("alter table welcome_queue rename to gone")
    daemon = start_daemon(database, **FAST).wait_ready("leading")
    before = daemon.metric('listener_errors_total{kind="reaction"}')
    students = []
    for number in range(1, 4):
        students.append(await connection.fetchval(STUDENT))
        await eventually(connection, "select students from courses", equals=number)
    await eventually(connection, "select count(*) from other_queue", equals=3)
    wait_until(lambda: daemon.metric('listener_errors_total{kind="reaction"}') >= before + 3, "it was tried again")
    (told,) = daemon.events("reaction_blocked")
    assert told["level"] == "error"
    assert told["consumer"] == "welcome"
    assert 'relation "public.welcome_queue" does not exist' in told["error"]
    assert daemon.events("reaction_failed") == []
    assert daemon.metric("listener_backlog_changes") >= 3
    shown = listener(database.url, "status", check=False).stdout
    (line,) = [line for line in shown.splitlines() if "reaction welcome" in line]
    assert "changes wait" in line
    (line,) = [line for line in shown.splitlines() if "reaction other" in line]
    assert "0 changes wait" in line

    await connection.execute("alter table gone rename to welcome_queue")
    await eventually(connection, WELCOMED, equals=sorted(students))
    daemon.told("reaction_recovered")
    assert daemon.metric("listener_reconnects_total") == 0


async def test_one_that_takes_long_is_ended_and_enrolling_goes_on(
    database: Database, connection: Connection, queued: None, folder: Folder, start_daemon: StartDaemon
) -> None:
    await connection.execute(COURSE)
    text = WELCOME.replace(
        "where batch_summary.changes > 0", "cross join pg_sleep(600)\nwhere batch_summary.changes > 0"
    )
    folder.write("slow", text)
    folder.install()
    daemon = start_daemon(database, **FAST).wait_ready("leading")
    for number in range(1, 4):
        await connection.execute(STUDENT)
        await eventually(connection, "select students from courses", equals=number)
    assert "statement timeout" in daemon.told("reaction_blocked")
    assert len(daemon.events("reaction_blocked")) == 1
    assert daemon.metric("listener_reconnects_total") == 0
    assert await connection.fetchval("select count(*) from welcome_queue") == 0


async def test_it_is_paused_by_its_name_and_the_others_go_on(
    database: Database, connection: Connection, queued: None, folder: Folder, start_daemon: StartDaemon
) -> None:
    folder.write("welcome", WELCOME)
    folder.install()
    daemon = start_daemon(database, heartbeat_seconds=0.5).wait_ready("leading")
    assert "welcome is paused" in listener(database.url, "pause", "welcome").stdout
    wait_until(lambda: daemon.metric('listener_paused{reaction="welcome"}') == 1, "the leader was told")
    student = await connection.fetchval(STUDENT)
    await eventually(connection, UNHANDLED, "enroll", equals=0)
    await eventually(connection, UNHANDLED, "count", equals=0)
    assert await connection.fetchval(WELCOMED) == []
    listener(database.url, "resume", "welcome")
    await eventually(connection, WELCOMED, equals=[student])
    unknown = listener(database.url, "pause", "farewell", check=False)
    assert unknown.stderr == "listener: farewell is no reaction. Those that there are: enroll, count, welcome.\n"


async def test_what_is_noted_before_any_daemon_runs_is_kept_for_it_though_nothing_is_retained(
    database: Database, connection: Connection, queued: None, folder: Folder, start_daemon: StartDaemon
) -> None:
    """A leader that has not heard of it yet purges nothing that is its."""
    daemon = start_daemon(database, heartbeat_seconds=300, sample_seconds=300, retention_seconds=0)
    daemon.wait_ready("leading")
    folder.write("welcome", WELCOME)
    await connection.execute(folder.printed())
    students = [await connection.fetchval(STUDENT) for _ in range(20)]
    await eventually(connection, WELCOMED, equals=sorted(students))


async def test_where_there_is_no_daemon_a_step_runs_it_once_for_each_and_one_that_fails_stops_nothing(
    database: Database, connection: Connection, queued: None, folder: Folder
) -> None:
    """Also those whose note is made by another reaction, in the same step: each is one in the tally."""
    await connection.execute(COURSE)
    await connection.execute("create table tally (profile_id uuid)")
    tally = WELCOME.replace("welcome_queue", "tally").replace("    on conflict (profile_id) do nothing\n", "")
    folder.write("tally", tally)
    folder.write("again", tally.replace("public.tally (profile_id)", "public.mirror (profile_id)"))
    folder.write("broken", WELCOME)
    await connection.execute(
        "create table mirror (profile_id uuid);"
        "create function sign_up() returns trigger language plpgsql as $$"
        " begin if (select count(*) from public.profiles) < 20"
        " then insert into public.profiles (role) values ('student'); end if; return null; end $$;"
        "create trigger sign_up after insert on mirror for each statement execute function sign_up()"
    )
    folder.install()
    await connection.execute("update listener.checkpoint set at = at - interval '1 hour' where consumer = 'again'")
    await connection.execute("alter table welcome_queue rename to gone")
    await connection.execute("insert into profiles (role) select 'student' from generate_series(1, 10)")
    problems = set()
    for _ in range(50):
        step = await connection.fetchrow("select * from listener.step()")
        assert step is not None
        problems.add(step["problem"])
        if not step["notes_left"]:
            break
    assert problems == {None, 'broken: relation "public.welcome_queue" does not exist'}
    assert await connection.fetchval("select count(*) from profiles") == 20
    for table in ("tally", "mirror"):
        counted = f"select array[count(*), count(distinct profile_id)] from {table}"
        assert await connection.fetchval(counted) == [20, 20], table
    assert await connection.fetchval("select students from courses") == 20
    await connection.execute("alter table gone rename to welcome_queue")
    step = await connection.fetchrow("select * from listener.step()")
    assert step is not None
    assert step["problem"] is None
    assert await connection.fetchval("select count(*) from welcome_queue") == 20


async def test_print_shows_what_would_run_and_plan_what_would_change(
    database: Database, connection: Connection, queued: None, folder: Folder
) -> None:
    folder.write("welcome", WELCOME)
    assert "would install reaction welcome" in folder.install("--plan")
    script = folder.printed()
    assert WELCOME.strip() in script
    assert await connection.fetchval("select count(*) from listener.reaction") == 0
    plain = listener(database.url, "install", "--print").stdout
    assert "welcome" not in plain
    await connection.execute(script)
    assert "reactions: nothing to do" in folder.install()
    folder.write("welcome", WELCOME + "-- changed\n")
    folder.write("more", WELCOME)
    assert "would upgrade reaction welcome" in (planned := folder.install("--plan"))
    assert "would install reaction more" in planned
    folder.remove("welcome")
    assert "would remove reaction welcome" in folder.install("--plan")
    assert await connection.fetchval("select array_agg(name) from listener.reaction") == ["welcome"]


async def test_uninstall_leaves_nothing_of_it_but_its_own_table(
    database: Database, connection: Connection, queued: None, folder: Folder
) -> None:
    folder.write("welcome", WELCOME)
    folder.install()
    listener(database.url, "uninstall")
    assert await connection.fetchval("select to_regnamespace('listener')") is None
    assert await connection.fetchval("select count(*) from welcome_queue") == 0


WRITES_PROFILES = WELCOME.replace(
    "\nselect batch", ",\n\nx as (update public.profiles set email = null)\n\nselect batch", 1
)
STUDENTS_OF = WELCOME.partition("on conflict")[0]

REFUSED = {
    "a_name_with_capitals": ("Welcome", WELCOME, "'Welcome' is no name for a reaction: rename the file"),
    "a_name_too_long": ("w" * 42, WELCOME, "is no name for a reaction: rename the file"),
    "a_built_in_name": ("enroll", WELCOME, "enroll is built in: give the file another name"),
    "no_feed": ("welcome", "select 1", "does not begin with {{feed}}: begin it as docs/how-to/reactions.md shows"),
    "no_feed_but_further_down": ("welcome", f"with a as (select 1), {WELCOME}", "does not begin with {{feed}}"),
    "two_feeds": ("welcome", WELCOME + "-- {{feed}}", "{{feed}} is in it more than once"),
    "a_nul": ("welcome", WELCOME + "\0", "NUL character"),
    "two_statements": ("welcome", WELCOME + "; drop table profiles", "it is more than one statement: make it one"),
    "a_mistake": ("welcome", WELCOME.replace("array(", "arry("), "Postgres refuses it in line 7: "),
    "no_schema": (
        "welcome",
        WELCOME.replace("public.", ""),
        'in line 4: relation "welcome_queue" does not exist; make',
    ),
    "no_answer": ("welcome", "{{feed}}\nselect 1 as x", "it does not say what was handled: let its last lines be"),
    "more_arguments": ("welcome", WELCOME + "and $3::int = 1", "it takes more than $1"),
    "the_lms_s_table": (
        "welcome",
        WRITES_PROFILES,
        "it writes public.profiles, a table of the LMS's, which postgres may",
    ),
    "a_checkpoint": (
        "welcome",
        WELCOME.replace(
            "\nselect batch",
            ",\n\nx as (update listener.checkpoint set seq = seq + 1)\n\nselect batch",
            1,
        ),
        "it writes listener.checkpoint, which is the listener's: leave that out",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
async def test_what_is_not_right_is_refused_in_one_line_and_nothing_is_changed(
    connection: Connection, queued: None, folder: Folder, why: str
) -> None:
    name, text, said = REFUSED[why]
    await connection.execute(
        "grant select on profiles to public"
    )  # with which the owner's rights are written down, too
    folder.write("fine", WELCOME)
    folder.write(name, text)
    refused = folder.refused()
    assert f"{name}.sql: " in refused
    assert said in refused
    assert await connection.fetchval("select count(*) from listener.reaction") == 0


async def test_a_folder_that_is_not_there_and_a_file_that_is_no_text_are_refused(folder: Folder, queued: None) -> None:
    assert "there is no such folder" in folder.refused()
    folder.write("welcome", "")
    (folder.path / "welcome.sql").write_bytes(b"\xff\xfe{{feed}}")
    assert "welcome.sql: it is not written in UTF-8" in folder.refused()
    (folder.path / "welcome.sql").unlink()
    (folder.path / "welcome.sql").symlink_to(folder.path / "nowhere")
    assert "welcome.sql: it cannot be read (No such file or directory)" in folder.refused()


async def test_it_must_be_granted_by_name_to_the_role_that_runs_it(
    database: Database, connection: Connection, queued: None, folder: Folder
) -> None:
    await connection.execute("create role rx_daemon login; create role rx_group; grant rx_group to rx_daemon")
    folder.write("welcome", WELCOME)
    said = folder.refused("--grant-to", "rx_daemon")
    assert "permission denied for table welcome_queue; grant that to rx_daemon, who runs it" in said
    for grantee in ("public", "rx_group"):
        await connection.execute(f"grant select, insert on welcome_queue to {grantee}")
        said = folder.refused()
        assert "it writes public.welcome_queue, which nobody has granted to rx_daemon: grant insert on" in said
        await connection.execute(f"revoke all on welcome_queue from {grantee}")
    await connection.execute("grant select (profile_id), insert (profile_id) on welcome_queue to rx_daemon")
    folder.install()

    await connection.execute("grant update on profiles to rx_daemon")
    folder.write("welcome", WRITES_PROFILES)
    assert "upgraded reaction welcome" in folder.install()
    folder.write("welcome", WELCOME.replace("listener.students(", "public.steal("))
    await connection.execute(
        "create function steal(uuid[]) returns table (id uuid) language sql as 'select unnest($1)';"
        "revoke execute on function steal from public"
    )
    assert "permission denied for function steal; grant that to rx_daemon" in folder.refused()


async def test_who_cannot_take_the_daemon_s_place_is_told_what_to_grant(
    database: Database, connection: Connection, queued: None, folder: Folder
) -> None:
    await connection.execute(
        "create role rx_owner login; create role rx_runner login;"
        f"grant create on database {database.name} to rx_owner; grant usage, create on schema public to rx_owner;"
        "alter table profiles owner to rx_owner; alter table courses owner to rx_owner;"
        "alter table enrollments owner to rx_owner; alter table welcome_queue owner to rx_owner"
    )
    listener(database.url, "uninstall")
    folder.write("welcome", WELCOME)
    owner = as_role(database, "rx_owner")
    said = folder.refused("--grant-to", "rx_runner", database=owner)
    assert said.startswith("listener: the role rx_owner may not check reactions as rx_runner")
    assert said.endswith("grant rx_runner to rx_owner, then install.\n")
    await connection.execute("grant rx_runner to rx_owner; grant select, insert on welcome_queue to rx_runner")
    assert "installed reaction welcome" in folder.install(database=owner)
    runner = await asyncpg.connect(as_role(database, "rx_runner").url)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await runner.execute("update listener.reaction set text = 'drop table profiles'")
    await runner.close()
