"""One row that is refused stops nobody else, however it is refused: at once or at commit, by an assertion, with a code
that stands for a cancel or for the end of the connection, with a text that is no text."""

from collections.abc import Callable

import asyncpg
import pytest

from listener.database.connection import Connection
from listener.database.executors import Executors
from listener.instruments.instruments import Instruments
from listener.logs import configure
from listener.reactions.batch_size import BatchSizes
from listener.reactions.runner import Reactions
from tests.conftest import Database
from tests.support import lms as plain
from tests.support.connecting import connect
from tests.support.eventually import eventually
from tests.support.postgres import Server
from tests.support.process import DaemonProcess, listener
from tests.support.unhurried import UNHURRIED

CODES = (
    "P0001", "assert", "57014", "57P01", "57P02", "57P03", "08006", "25006", "25P02", "40001", "40P01", "55P03",
    "42703", "42883", "3F000", "22P02", "23505", "0A000", "53100", "53300", "54000", "58030", "XX000", "F0000", "01000",
)  # fmt: skip
"""What a trigger raises: the code of the error."""

LMS = """
create function code_of(profile uuid) returns text language sql as
$$ select full_name from public.profiles where id = profile $$;
create function fail(code text) returns void language plpgsql as $$
begin
    if code = 'assert' then
        assert false, 'no';
    elsif code = 'XX000' then
        raise exception 'cache lookup failed for function 1' using errcode = code;
    elsif code is not null then
        raise exception 'no' using errcode = code;
    end if;
end $$;
create function refuse() returns trigger language plpgsql as $$
declare
    refused text;
begin
    -- Names without a schema: they are looked up by the LMS's path, also at the end of a transaction.
    refused := (select full_name from profiles where id = new.user_id);
    if tg_argv[0] = split_part(refused, ' ', 2) then
        perform fail(split_part(refused, ' ', 1));
    end if;
    return new;
end $$;
create trigger refuse before insert on enrollments for each row execute function refuse('');
create constraint trigger refuse_later after insert on enrollments
deferrable initially deferred for each row execute function refuse('deferred');

create table members (id uuid primary key);
create function join_in() returns trigger language plpgsql as $$
begin
    if new.full_name is distinct from 'no member' then
        insert into members values (new.id);
    end if;
    return null;
end $$;
create trigger join_in after insert on profiles for each row execute function join_in();
alter table enrollments add foreign key (user_id) references members deferrable initially deferred;

create function refuse_count() returns trigger language plpgsql as $$
begin
    if tg_argv[0] = split_part(new.title, ' ', 2) and new.enrollments > 0 then
        perform fail(nullif(split_part(new.title, ' ', 1), 'fine'));
    end if;
    return new;
end $$;
create trigger refuse_count before update on courses for each row execute function refuse_count('');
create constraint trigger refuse_count_later after update on courses
deferrable initially deferred for each row execute function refuse_count('deferred');
insert into courses (title, price) values ('fine', 0);
"""

DEFERRED = ("P0001 deferred", "assert deferred", "57014 deferred", "57P01 deferred")
CASES = (*CODES, *DEFERRED, "no member")
SOME_CASES = ("P0001", "assert", "57014", "57P01", "08006", "55P03", *DEFERRED, "no member")
"""Of each kind one."""

SIGN_UP = "insert into profiles (role, full_name) select 'student', nullif(name, '') from unnest($1::text[]) as name"
PENDING = """
select array_agg(full_name || ': ' || reason)
from listener.pending_enrollment
inner join profiles on profiles.id = pending_enrollment.profile_id
"""
FORGET = "delete from profiles; delete from members; delete from listener.pending_enrollment"


@pytest.fixture
async def lms(connection: Connection) -> Connection:
    await connection.execute(LMS)
    return connection


def reactions(daemon: Connection) -> Reactions:
    """Those of a daemon that has just begun: it treats a batch as a whole."""
    return Reactions(Executors.alike(daemon), Instruments.of_daemon(1.0, configure("error", "json")), BatchSizes(2000))


async def run(daemon: Connection) -> None:
    running = reactions(daemon)
    for _ in range(6):
        running.news()
        running.try_again()
        await running.run_due()


async def step(daemon: Connection) -> None:
    for _ in range(2):
        done = await daemon.fetchrow("select * from listener.step()")
        assert done is not None
        assert done["problem"] is None, done["problem"]


async def test_one_student_who_is_refused_stops_no_other(lms: Connection, daemon: Connection) -> None:
    await lms.execute(UNHURRIED)
    for way, cases in ((run, CASES), (step, SOME_CASES)):
        for case in cases:
            await lms.execute(SIGN_UP, ["", "", case, ""])
            await way(daemon)
            assert await lms.fetchval(PENDING) == [f"{case}: failed"], (way, case)
            assert await lms.fetchval("select count(*) from enrollments") == 3, (way, case)
            await lms.execute(FORGET)
            await way(daemon)


LINES = (
    "PL/pgSQL function refuse() line 3 at %s", "PL/pgSQL-Funktion refuse() Zeile 3 bei %s",
    "fonction PL/pgSQL refuse(), ligne 3 à %s", "PL/pgSQL関数refuse()の3行目 - %s",
    "refuse() PL/pgSQL fonksiyonu, 3. %s içinde", "PL/pgSQL ფუნქცია refuse() ხაზზე 3 %s-სთან",
)  # fmt: skip
"""Where an error was raised, in languages of the server's."""


async def test_a_cancel_that_a_trigger_raises_is_told_from_a_time_limit_in_every_language(
    connection: Connection,
) -> None:
    for line in LINES:
        for statement, is_raised in (("RAISE", True), ("PERFORM", False), ("SQL statement", False)):
            told = f"{line % statement}\nSQL function x"
            assert await connection.fetchval("select listener.was_raised($1)", told) is is_raised, told


async def test_who_was_refused_is_tried_again_and_stops_no_other(lms: Connection, daemon: Connection) -> None:
    await lms.execute(UNHURRIED)
    for case in SOME_CASES:
        await lms.execute(SIGN_UP, ["", case, "F0001"])
        await run(daemon)
        await lms.execute("update profiles set full_name = null where full_name = 'F0001'")
        await lms.execute("update listener.pending_enrollment set next_attempt_at = now()")
        row = await daemon.fetchrow("select tried, settled from listener.retry_enroll(200, singly => true)")
        assert row is not None
        assert tuple(row) == (2, 1), case
        await lms.execute(FORGET)
        await run(daemon)


async def test_one_course_that_refuses_its_count_leaves_the_others_moving(lms: Connection, daemon: Connection) -> None:
    await lms.execute(UNHURRIED)
    await lms.execute("insert into profiles (role) select 'teacher' from generate_series(1, 1)")
    for way in (run, step):
        for case in SOME_CASES[:-1]:
            await lms.execute("insert into courses (title, price) values ($1, null), ('fine too', null)", case)
            await lms.execute(
                "insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles, courses"
                " where courses.title <> 'fine'"
            )
            await way(daemon)
            counts = await lms.fetch("select title, enrollments from courses where title <> 'fine'")
            assert {tuple(each) for each in counts} == {(case, 0), ("fine too", 1)}, (way, case)
            assert await lms.fetchval("select count(*) from listener.pending_count where error is not null") == 1
            await lms.execute("update courses set title = 'fine' where title = $1", case)
            await lms.execute("update listener.pending_count set next_attempt_at = now()")
            await way(daemon)
            assert await lms.fetchval("select count(*) from listener.pending_count") == 0, (way, case)
            await lms.execute("delete from courses where title <> 'fine' or price is null")
            await way(daemon)
            await lms.execute("delete from listener.pending_count")


async def test_a_count_that_a_trigger_refuses_stops_no_repair_of_others(lms: Connection, database: Database) -> None:
    await lms.execute("insert into courses (title, price) values ('57014', 1), ('assert deferred', 2), ('fine', 3)")
    await lms.execute("insert into profiles (role) values ('student')")
    await lms.execute(
        "set session_replication_role = replica;"
        "insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles, courses;"
        "reset session_replication_role"
    )
    done = listener(database.url, "sync", check=False)
    assert (done.returncode, done.stderr) == (1, "")
    counts = await lms.fetch("select title, enrollments from courses order by title, price")
    assert [tuple(each) for each in counts] == [("57014", 0), ("assert deferred", 0), ("fine", 1), ("fine", 1)]


@pytest.mark.parametrize("case", ["57014", "assert deferred", "no member", "57P01"])
async def test_sync_enrolls_all_others(lms: Connection, database: Database, case: str) -> None:
    await lms.execute(SIGN_UP, ["", "", case, ""])
    done = listener(database.url, "sync", check=False)
    assert done.stderr == ""
    assert await lms.fetchval("select count(*) from enrollments") == 3
    assert await lms.fetchval(PENDING) == [f"{case}: failed"]


@pytest.mark.parametrize("what", ["perform pg_sleep(20)", "copy (select) to program 'sleep 20'"])
async def test_a_student_who_takes_too_long_is_set_aside_and_the_others_are_enrolled(
    lms: Connection, daemon: Connection, what: str
) -> None:
    """A program, as any call to the outside, fails with an error of its own when the cancel comes, and that one is the
    server's next error."""
    await lms.execute(f"""
        create or replace function fail(code text) returns void language plpgsql as $$
        begin
            if code is not null then
                {what};
            end if;
        end $$
    """)
    await lms.execute(SIGN_UP, ["slow", "", "", ""])
    await daemon.execute("set statement_timeout = '300ms'")
    with pytest.raises(asyncpg.QueryCanceledError):
        await daemon.fetchrow("select * from listener.enroll(2000)")
    await daemon.fetchrow("select * from listener.enroll(2000, singly => true)")
    assert await lms.fetchval("select count(*) from enrollments") == 0
    assert await lms.fetchval("select count(*) from listener.pending_enrollment") == 4
    for _ in range(2):
        await lms.execute("update listener.pending_enrollment set next_attempt_at = now() where error like '%others%'")
        await daemon.fetchrow("select * from listener.retry_enroll(200, singly => true)")
    assert await lms.fetchval(PENDING) == ["slow: failed"]


@pytest.mark.parametrize("what", ["enrollments", "courses"])
async def test_an_error_text_that_is_no_text_stops_nobody(
    server: Server, start_daemon: Callable[..., DaemonProcess], what: str
) -> None:
    name = f"ascii_{what}"
    server.psql("postgres", f"drop database if exists {name}")
    server.psql(
        "postgres", f"create database {name} template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'"
    )
    ascii_database = Database(server, name)
    server.psql(name, plain.schema("bigint"))
    listener(ascii_database.url, "install")
    app: Connection = await connect(ascii_database.url)
    try:
        condition = "new.user_id = 7" if what == "enrollments" else "new.id = 2 and new.enrollments > 0"
        await app.execute(f"""
            create function refuse() returns trigger language plpgsql as $$
            begin
                if current_setting('listener.at_work', true) = 'on' then
                    raise warning using message = 'n' || convert_from('\\xe9', 'SQL_ASCII');
                end if;
                if {condition} then
                    raise exception using message = 'n' || convert_from('\\xe9', 'SQL_ASCII');
                end if;
                return new;
            end $$;
            create trigger refuse before insert or update on {what} for each row execute function refuse();
            insert into courses (title, price) values ('a', 0), ('b', 1);
        """)
        start_daemon(ascii_database, heartbeat_seconds=1).wait_ready("leading")
        await app.execute("insert into profiles (id, role) select n, 'student' from generate_series(1, 24) as n")
        await app.execute("insert into enrollments (user_id, course_id) select n, 2 from generate_series(30, 29) as n")
        expected = 23 if what == "enrollments" else 24
        await eventually(app, "select enrollments from courses where id = 1", equals=expected)
        if what == "courses":
            await app.execute(
                "insert into enrollments (user_id, course_id) values (1, 2); delete from enrollments where user_id = 3"
            )
            await eventually(app, "select enrollments from courses where id = 1", equals=23)
            await eventually(app, "select error from listener.pending_count", equals="P0001: n")
    finally:
        app.terminate()
