"""An LMS with 5,000 courses whose counts all move: what a move costs among so many, and who waits meanwhile."""

import asyncio
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from benchmarks import latency, school
from benchmarks.counting import COUNT, PAUSE_SECONDS
from benchmarks.figures import Figure, Goal, Measured, single
from benchmarks.latency import TRACKED
from benchmarks.measure import percentile, ratio, running_server, wait_for
from benchmarks.writers import Load, Writers
from tests.support.eventually import eventually
from tests.support.postgres import Server
from tests.support.process import DaemonProcess

COURSES = 5_000
ENROLLMENTS, SIGN_UPS, UPDATES = 2_000, 50, 200
"""So many a second."""

BUILD = f"""
create function course(number bigint) returns uuid immutable language sql
return ('00000000-0000-0000-0001-' || lpad(number::text, 12, '0'))::uuid;
create function teacher(number bigint) returns uuid immutable language sql
return ('00000000-0000-0000-0002-' || lpad(number::text, 12, '0'))::uuid;
create sequence next_teacher;
insert into courses (id, title, price)
select course(number), 'Course ' || number, number from generate_series(1, {COURSES}) as number;
insert into profiles (id, role) select teacher(number), 'teacher' from generate_series(1, {{teachers}}) as number;
insert into enrollments (user_id, course_id) select id, '{school.COURSE}' from profiles;
vacuum analyze;
"""
ENROLL_IN_ALL = f"""
insert into enrollments (user_id, course_id)
select teacher.id, course(number)
from (select teacher(nextval('next_teacher')) as id) as teacher
cross join generate_series(1, {COURSES}) as number
"""
ENROLL_SOME = f"""
do $$
begin
    for each in 1..{{moves}} loop
        insert into enrollments (user_id, course_id) values (teacher(nextval('next_teacher')), course(1));
        commit;
        perform pg_sleep({PAUSE_SECONDS});
        commit;
    end loop;
end $$
"""
ENROLL = """
\\set course random(1, {courses})
insert into enrollments (user_id, course_id) values (teacher(nextval('next_teacher')), course(:course));
"""
UPDATE = "update courses set title = 'Course ' || $1::bigint where id = course($1::bigint)"
ARE_COUNTED = """
select not exists (select from listener.unhandled('count', 1)) and not exists (select from listener.pending_count)
"""
BEHIND = """
select coalesce(extract(epoch from clock_timestamp() - least(
    (select min(at) from listener.unhandled('count')),
    (select min(since) from listener.pending_count)
)), 0)::float8
"""


class Editor:
    """Somebody who edits courses, in a thread of its own while it is entered, and looks how late the counts are."""

    def __init__(self, url: str, courses: int) -> None:
        self._url = url
        self._courses = courses
        self._done = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._edit()))
        self.waited: list[float] = []
        """Seconds that each update of a course's row took."""
        self.behind: list[float] = []
        """Seconds that the oldest of the changes waits that are not counted yet."""

    def __enter__(self) -> "Editor":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    async def _edit(self) -> None:
        connection = await asyncpg.connect(self._url)
        choice = random.Random(1)
        try:
            while not self._done.is_set():
                started = time.perf_counter()
                await connection.execute(UPDATE, choice.randint(1, self._courses))
                self.waited.append(time.perf_counter() - started)
                self.behind.append(await connection.fetchval(BEHIND))
                await asyncio.sleep(1 / UPDATES)
        finally:
            await connection.close()


@dataclass
class Taken:
    """What was measured, round by round; times in seconds."""

    among: list[float] = field(default_factory=list)
    """One move of a count among 5,000, in the daemon's statement."""
    alone: list[float] = field(default_factory=list)
    transaction: list[float] = field(default_factory=list)
    """The app's own transaction that enrolls in all courses, and how long after it all counts are moved."""
    until_counted: list[float] = field(default_factory=list)
    sign_ups: dict[int, list[list[float]]] = field(default_factory=lambda: {COURSES: [], 1: []})
    """How long each student waited while enrollments came in for so many courses."""
    updates: dict[int, list[list[float]]] = field(default_factory=lambda: {COURSES: [], 1: []})
    behind: list[float] = field(default_factory=list)
    updates_beside_all: list[float] = field(default_factory=list)
    """Updates of courses' rows around a transaction that enrolls in all of them."""


async def enroll_in_all(url: str) -> tuple[float, float]:
    """Enroll somebody in all courses at once: seconds that it took, and from there until all counts are moved."""
    connection = await asyncpg.connect(url)
    try:
        started = time.perf_counter()
        await connection.execute(ENROLL_IN_ALL)
        enrolled = time.perf_counter()
        await eventually(connection, ARE_COUNTED, equals=True, seconds=60)
        return enrolled - started, time.perf_counter() - enrolled
    finally:
        await connection.close()


def counting(process: DaemonProcess) -> tuple[float, float]:
    """What the daemon has spent on counting so far, in seconds, and how many counts it has moved."""
    return process.metric(COUNT.format(what="sum")), process.metric("listener_course_counts_moved_total")


def counted_since(process: DaemonProcess, before: tuple[float, float]) -> tuple[float, float]:
    """The same, once it tells of moves since `before`: the database knows of a batch a moment earlier."""
    wait_for(lambda: counting(process)[1] > before[1], "its metrics tell of the moves", 10)
    return counting(process)


def at_once(server: Server, process: DaemonProcess, taken: Taken, *, moves: int) -> None:
    """One course alone, some times; then all of them in one transaction."""
    database = school.INSTALLED.name
    before = counting(process)
    server.psql(database, ENROLL_SOME.format(moves=moves))
    school.wait_idle(server, database)
    between = counted_since(process, before)
    with Editor(server.url(database), COURSES) as editor:
        transaction, until_counted = asyncio.run(enroll_in_all(server.url(database)))
    school.wait_idle(server, database)
    after = counted_since(process, between)
    taken.alone.append((between[0] - before[0]) / (between[1] - before[1]))
    taken.among.append((after[0] - between[0]) / (after[1] - between[1]))
    taken.transaction.append(transaction)
    taken.until_counted.append(until_counted)
    taken.updates_beside_all += editor.waited
    taken.behind.append(max(editor.behind))


def one_by_one(server: Server, taken: Taken, *, courses: int, seconds: int, seed: int) -> None:
    """Enrollments in so many courses, a transaction each, beside sign-ups and somebody who edits those courses."""
    database = school.INSTALLED.name
    with Editor(server.url(database), courses) as editor:
        writers = Writers(server, database, ENROLL.format(courses=courses), Load(seconds, clients=8, rate=ENROLLMENTS))
        taken.sign_ups[courses].append(
            latency.sign_up(server, database, rate=SIGN_UPS, seconds=max(1, seconds - 1), seed=seed)
        )
        writers.wait()
    school.wait_idle(server, database)
    taken.updates[courses].append(editor.waited)
    if courses == COURSES:
        taken.behind.append(max(editor.behind))


def run(*, quick: bool) -> Measured:
    """Moves among 5,000 courses ÷ alone; who waits while they come in, for all of them ÷ for one."""
    rounds, moves, seconds = (1, 5, 2) if quick else (3, 12, 4)
    database = school.INSTALLED.name
    taken = Taken()
    with running_server(**TRACKED) as server:
        school.INSTALLED.create(server)
        teachers = (rounds + 1) * (2 * seconds * ENROLLMENTS + moves + 1)  # each is taken once
        server.psql(database, BUILD.format(teachers=teachers))
        with school.daemon(server.url(database), log_level="debug") as process:
            school.wait_idle(server, database)
            at_once(server, process, Taken(), moves=moves)
            for number in range(rounds):
                at_once(server, process, taken, moves=moves)
                for courses in (COURSES, 1):
                    one_by_one(server, taken, courses=courses, seconds=seconds, seed=number + 1)
            batches = [each["milliseconds"] for each in process.events("batch_applied") if each["consumer"] == "count"]
            problems = [*school.daemon_problems(process, "ours"), *school.problems(server, database, "ours")]
    return Measured(
        figures(taken, max(batches)), {name: rounded(each) for name, each in vars(taken).items()}, tuple(problems)
    )


def rounded(values: Any) -> Any:
    """The same, each figure in microseconds' precision."""
    if isinstance(values, dict):
        return {key: rounded(each) for key, each in values.items()}
    return [rounded(each) for each in values] if isinstance(values, list) else round(values, 6)


def figures(taken: Taken, longest_batch: float) -> tuple[Figure, ...]:
    """The table's lines."""
    wide = f"{COURSES:,} courses"
    coming = f"{ENROLLMENTS:,} enrollments/s in {wide} ÷ in one"
    return (
        Figure(
            "among_to_alone",
            f"one move of a count among {wide} ÷ alone",
            ratio(taken.among, taken.alone),
            Goal(at_most=0.03),
        ),
        single("among", f"one move of a count among {wide}", [each * 1e6 for each in taken.among], "µs"),
        Figure(
            "counted_to_transaction",
            f"one transaction that enrolls in {wide}: from its commit until all counts are moved ÷ its own time",
            ratio(taken.until_counted, taken.transaction),
            Goal(at_most=5),
        ),
        single(
            "longest_batch",
            f"longest batch (one transaction) of counts of {wide}",
            [longest_batch],
            "ms",
            Goal(at_most=100),
        ),
        single(
            "behind", f"counts of {wide} behind the enrollments, at most", [max(taken.behind)], "s", Goal(at_most=0.5)
        ),
        *(
            Figure(
                f"sign_ups_{name}",
                f"reaction latency {name}, {SIGN_UPS} sign-ups/s beside {coming}",
                ratio(*([percentile(each, share) for each in taken.sign_ups[courses]] for courses in (COURSES, 1))),
            )
            for name, share in (("p50", 0.5), ("p99", 0.99))
        ),
        Figure(
            "update_p99",
            f"the LMS's own update of a course's row, p99, beside {coming}",
            ratio(*([percentile(each, 0.99) for each in taken.updates[courses]] for courses in (COURSES, 1))),
        ),
        single(
            "update_longest",
            f"longest update of a course's row by the LMS while {wide} move",
            [max(max(each) for each in [*taken.updates[COURSES], taken.updates_beside_all]) * 1000],
            "ms",
            Goal(at_most=100),
        ),
    )
