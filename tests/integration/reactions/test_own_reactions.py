"""Reactions of one's own, as the daemon runs them: each student once, and one that fails holds up nobody."""

from collections.abc import Callable

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.eventually import all_handled, eventually
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess, listener
from tests.support.reactions import WELCOME, WELCOMED, Folder, as_role

StartDaemon = Callable[..., DaemonProcess]

STUDENT = "insert into profiles (role) values ('student') returning id"
FAST = {"heartbeat_seconds": 0.3, "retention_seconds": 0, "sample_seconds": 0.3}
UNHANDLED = "select count(*) from listener.unhandled($1)"
COURSE = "insert into courses (title, price) values ('a', 1)"


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
    measured = 'listener_batch_changes_count{consumer="welcome"}'
    wait_until(lambda: daemon.metric(measured) >= 1, "the batch that was just committed is measured")


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
    notes = "select (json_object_agg(profile_id, note)::jsonb - $1::text)::text from welcome_queue"
    await eventually(connection, notes, str(first), equals=f'{{"{second}": "new"}}')

    listener(database.url, "install")
    assert await connection.fetchval("select array_agg(name) from listener.reaction") == ["welcome"]

    listener(database.url, "pause", "welcome")
    await connection.execute(STUDENT)
    await all_handled(connection)
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
    await all_handled(connection)
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


async def test_one_whose_sql_raises_a_code_of_the_connections_end_or_of_no_error_costs_no_connection(
    database: Database, connection: Connection, queued: None, folder: Folder, start_daemon: StartDaemon
) -> None:
    folder.write("welcome", WELCOME)
    folder.install()
    daemon = start_daemon(database, **FAST).wait_ready("leading")
    await connection.execute(COURSE)
    for number, code in enumerate(("57P01", "08006", "57P03", "02000", "01000"), 1):
        await connection.execute(f"""
            create or replace function refuse() returns trigger language plpgsql as
            'begin raise exception using errcode = ''{code}''; end';
            create trigger refuse before insert on welcome_queue for each row execute function refuse()
        """)
        await connection.execute(STUDENT)
        blocked = "select right(examples[1], 7) from listener.problem where code = 'reaction_blocked'"
        await eventually(connection, blocked, equals=f": {code}")
        await eventually(connection, "select count(*) from enrollments", equals=number)
        await connection.execute("drop trigger refuse on welcome_queue")
        await eventually(connection, "select count(*) from welcome_queue", equals=number)
        await eventually(connection, f"select count(*) from ({blocked}) as problem", equals=0)
    assert daemon.events("connection_lost") == []


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
    told = 'listener_paused{reaction="welcome"} 1'
    wait_until(lambda: told in daemon.get("/metrics")[1], "the leader was told")
    student = await connection.fetchval(STUDENT)
    await eventually(connection, UNHANDLED, "enroll", equals=0)
    await eventually(connection, UNHANDLED, "count", equals=0)
    assert await connection.fetchval(WELCOMED) == []
    listener(database.url, "resume", "welcome")
    await eventually(connection, WELCOMED, equals=[student])
    unknown = listener(database.url, "pause", "farewell", check=False)
    assert unknown.stderr == "listener: 'farewell' is no reaction. Those that there are: enroll, count, welcome.\n"


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
    """Also those whose note is made by another reaction, for which a later step is: each is one in the tally."""
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
    assert problems == {'broken: relation "public.welcome_queue" does not exist'}
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
