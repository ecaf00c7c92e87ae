"""Whether the move of a count costs more where the course has very many enrollments."""

import time

from benchmarks import school
from benchmarks.figures import Figure, Goal, Measured, single
from benchmarks.measure import ratio, running_server, wait_for
from tests.support.postgres import Server
from tests.support.process import DaemonProcess

BIG, SMALL = school.COURSE, "00000000-0000-0000-0000-000000000002"
SMALL_ROWS = 1_000
PAUSE_SECONDS = 0.08
"""Longer than the daemon's pause between two moves, so that each enrollment is a move of its own."""

UNLOGGED_BUILD = {"wal_level": "minimal", "max_wal_senders": "0"}
BUILD = f"""
set session_replication_role = replica;
insert into courses (id, title, price, enrollments, students)
values ('{SMALL}', 'Small', 10, {SMALL_ROWS}, {SMALL_ROWS});
update courses set enrollments = {{rows}}, students = {{rows}} where id = '{BIG}';
alter table enrollments drop constraint enrollments_user_id_course_id_key;
alter table enrollments drop constraint enrollments_pkey;
begin;
truncate enrollments;
insert into enrollments (user_id, course_id)
select gen_random_uuid(), '{BIG}'::uuid from generate_series(1, {{rows}})
union all
select gen_random_uuid(), '{SMALL}'::uuid from generate_series(1, {SMALL_ROWS});
set local maintenance_work_mem = '1GB';
alter table enrollments add primary key (id);
alter table enrollments add unique (user_id, course_id);
commit;
insert into profiles (role) select 'teacher' from generate_series(1, {{moves}});
vacuum analyze;
"""
MOVES = """
create procedure enroll_some(course uuid, how_many integer, pause float8) language plpgsql as $$
declare
    teacher uuid;
begin
    for teacher in
        select id from profiles
        where not exists (select from enrollments where user_id = profiles.id and course_id = course)
        limit how_many
    loop
        insert into enrollments (user_id, course_id) values (teacher, course);
        commit;
        perform pg_sleep(pause);
        commit;
    end loop;
end $$;
"""
COUNT = 'listener_batch_seconds_{what}{{consumer="count"}}'


def move(server: Server, process: DaemonProcess, course: str, moves: int) -> float:
    """Mean milliseconds of the daemon's statement that moves a count by one, as the daemon measures it."""
    seconds, batches = (COUNT.format(what=what) for what in ("sum", "count"))
    before = {name: process.metric(name) for name in (seconds, batches)}
    server.psql(school.INSTALLED.name, f"call enroll_some('{course}', {moves}, {PAUSE_SECONDS})")
    school.wait_idle(server, school.INSTALLED.name)
    taken = {name: process.metric(name) - value for name, value in before.items()}
    return taken[seconds] / taken[batches] * 1000


def run(*, quick: bool) -> Measured:
    """The time of a move, course of 10,000,000 enrollments ÷ course of 1,000."""
    rows, rounds, moves = (100_000, 2, 10) if quick else (10_000_000, 5, 20)
    database = school.INSTALLED.name
    problems: list[str] = []
    with running_server(**UNLOGGED_BUILD) as server:
        school.INSTALLED.create(server)
        started = time.monotonic()
        server.psql(database, BUILD.format(rows=rows, moves=(rounds + 1) * moves) + MOVES)
        built = time.monotonic() - started
        server.psql("postgres", "checkpoint")
        with school.daemon(server.url(database)) as process:
            # The audit looks at the tables as a whole, every few minutes: not what is measured here.
            wait_for(
                lambda: process.metric("listener_last_audit_timestamp_seconds") > 0, "the first audit is done", 120
            )
            times: dict[str, list[float]] = {BIG: [], SMALL: []}
            for course in times:
                move(server, process, course, moves)
            for _ in range(rounds):
                for course, taken in times.items():
                    taken.append(move(server, process, course, moves))
            problems += school.daemon_problems(process, "ours")
        expected = {BIG: rows + (rounds + 1) * moves, SMALL: SMALL_ROWS + (rounds + 1) * moves}
        for course, count in expected.items():
            found = server.psql(database, f"select enrollments from courses where id = '{course}'").strip()
            if found != str(count):
                problems.append(f"a count is {found}, not {count}")
    what = f"moving the count of a course with {rows:,} enrollments ÷ with {SMALL_ROWS:,}"
    return Measured(
        (
            Figure("big_to_small", what, ratio(times[BIG], times[SMALL]), Goal(at_most=1.1)),
            single("big", f"one move of a count, {rows:,} enrollments", times[BIG], "ms"),
        ),
        {"milliseconds": {"big": times[BIG], "small": times[SMALL]}, "build_seconds": built},
        tuple(problems),
    )
