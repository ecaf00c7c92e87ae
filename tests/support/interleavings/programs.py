"""What is run in every order: some sessions of the LMS's that write, and some of daemons and others that look.

To add one: give it a name that says what happens, few sessions of few steps each, and run it. The number of schedules grows
with each step by a factor; `is_quick=False` keeps it for the long form.
"""

from listener import sql
from listener.feed import replaying
from tests.support.interleavings.steps import (
    COMMIT,
    HOLD_BELL,
    LEAVES,
    PASS_OVER,
    PURGE,
    RELEASE_BELL,
    ROLLBACK,
    SLEEP,
    UNDONE,
    UNENROLLS,
    Program,
    Steps,
    count,
    daemon,
    enroll,
    enrolls,
    lms,
    look,
    notes,
    pause,
    resume,
    retry_count,
    retry_enroll,
    sees,
    step,
    stopping,
    students,
    write,
)

ONE = lms(students(), COMMIT)
TWO = lms(students(), students(first=2), COMMIT)
TWO_NOTES = lms(notes(2), COMMIT)
ITSELF = lms(enrolls(), COMMIT)
ITSELF_TWICE = lms(enrolls(), enrolls(2), COMMIT)

LEADER = daemon(enroll(1, open_=True), COMMIT, count(1))
LEADER_OF_ALL = daemon(enroll(open_=True), COMMIT, count())
KILLED = daemon(enroll(1, open_=True), ROLLBACK, count(1))
COUNTS = daemon(enroll(1), count(1, open_=True), COMMIT)
COUNTS_KILLED = daemon(enroll(1), count(1, open_=True), ROLLBACK)

LOCK_COURSE = write("select from courses where id = 1 for no key update", can_block=True)
MOVED_BY_HAND = look(
    "update public.courses set enrollments = enrollments + 5 where id = 1",
    "insert into proof.drift values (1, 5) on conflict (course_id) do update set by = drift.by + 5",
)
SYNC = look(
    sql.read("database/settings", "whole_tables"),
    "insert into proof.drift select course_id::bigint, (expected - current) from listener.repair_counts()"
    " where count_column = 'enrollments' on conflict (course_id) do update set by = drift.by + excluded.by",
    open_=True,
    about="count",
)

SINCE = "current_setting('proof.since')::timestamptz"
REMEMBERS = look("select set_config('proof.since', clock_timestamp()::text, false)")


def _replaying(name: str, *arguments: str) -> str:
    text = sql.read("feed/replaying", name)
    for number, argument in enumerate(arguments, 1):
        text = text.replace(f"${number}", argument)
    return text.strip().rstrip(";")


REPLAY_LOOKS = look(
    "select set_config('proof.first_xid', coalesce(looked.first_xid, ''), false), set_config('proof.look', looked.seen, false)"
    f" from ({_replaying('look', quoted := chr(39) + 'test' + chr(39), SINCE)}) as looked"
)
REPLAYS = look(
    replaying.LOCK.strip().rstrip(";"),
    _replaying(
        "set_back",
        quoted,
        SINCE,
        "nullif(current_setting('proof.first_xid'), '')",
        "current_setting('proof.look')",
        "'listener'",
        "'look'",
    ),
    "delete from proof.seen using listener.unhandled('test') as again where seen.note = again.id",
    open_=True,
)


def _repeated(steps: Steps, times: int) -> Steps:
    return steps * times


PROGRAMS = (
    # Notes become visible out of order, and batches cut transactions in two.
    Program("two writers, two leaders", (ONE, ONE, LEADER, LEADER), is_quick=False),
    Program("two writers of two, a leader", (TWO, TWO, LEADER)),
    Program("three writers, a leader", (ONE, ONE, ONE, daemon(enroll(1), enroll(1), count(1)))),
    Program("three stragglers, two of them of two notes", (TWO_NOTES, ONE, TWO_NOTES, daemon(_repeated(enroll(1), 4)))),
    Program(
        "a reaction of one's own, one note at a time",
        (TWO_NOTES, ONE, TWO_NOTES, daemon(_repeated(sees(1), 4))),
    ),
    Program(
        "a savepoint is undone, another writer rolls back",
        (
            lms(students(), students(first=2, savepoint=True), UNDONE, students(first=3), COMMIT),
            lms(students(), ROLLBACK),
            daemon(enroll(1), sees(1), count(1)),
        ),
    ),
    # Leaders that are two for a while, or are killed.
    Program("a writer, two leaders that enroll", (ONE, LEADER_OF_ALL, LEADER_OF_ALL)),
    Program("two writers, a leader is killed as it enrolls", (ONE, ONE, LEADER_OF_ALL, daemon(enroll(open_=True), ROLLBACK))),
    Program("a writer, two leaders that count", (ONE, COUNTS, COUNTS)),
    Program("two writers, a leader is killed as it counts", (ONE, ONE, COUNTS, COUNTS_KILLED), is_quick=False),
    Program("a writer, a leader is killed as it counts", (ONE, COUNTS, COUNTS_KILLED)),
    Program("two writers of two notes in all, two leaders of one note", (TWO_NOTES, ONE, LEADER, LEADER), is_quick=False),
    Program(
        "a leader gives up while another one has its batch in hand",
        (ONE, ONE, daemon(enroll(open_=True), COMMIT), daemon(enroll(gives_up=True), enroll(singly=True), count())),
    ),
    Program(
        "the reaction of one's own, by two leaders",
        (TWO_NOTES, ONE, daemon(sees(1, open_=True), COMMIT), daemon(sees(1, open_=True), COMMIT)),
    ),
    # The LMS enrolls people itself.
    Program("the LMS enrolls two, counts are moved", (ITSELF, ITSELF, daemon(count(), count()))),
    Program(
        "the LMS enrolls two in one transaction, counts are moved one at a time",
        (ITSELF_TWICE, ITSELF, daemon(count(1), count(1, open_=True), COMMIT)),
    ),
    Program(
        "the LMS enrolls, undoes, ends and deletes enrollments",
        (
            lms(enrolls(), LEAVES, COMMIT),
            lms(enrolls(), UNENROLLS, enrolls(2), COMMIT),
            daemon(count(1), count(1), count(1)),
        ),
    ),
    Program(
        "the LMS enrolls whom a leader enrolls, too",
        (
            ONE,
            lms(write("insert into enrollments (user_id, course_id) select id, 1 from profiles limit 1", can_block=True), COMMIT),
            daemon(enroll(open_=True), COMMIT, count()),
        ),
        locks_tables=True,
    ),
    # Counts whose course is held wait, and are tried again.
    Program("somebody holds the course: counts are parked", (ONE, lms(LOCK_COURSE, COMMIT), daemon(enroll(), count(), retry_count()))),
    Program(
        "parked counts are tried again by two leaders",
        (
            lms(enrolls(course=1), COMMIT),
            lms(LOCK_COURSE, COMMIT),
            daemon(count(), retry_count(open_=True), COMMIT),
            daemon(retry_count(), count()),
        ),
    ),
    Program(
        "a count is parked while a parked one is tried again",
        (
            lms(enrolls(course=1), COMMIT),
            lms(enrolls(course=1), COMMIT),
            lms(LOCK_COURSE, COMMIT),
            daemon(count(1), retry_count(open_=True), COMMIT),
            daemon(count(1), count(1)),
        ),
        is_quick=False,
    ),
    # Inside of a statement: between the look at the feed and what is done with it.
    Program(
        "a leader stops between its look and its students",
        (ONE, ONE, daemon(stopping("settle", enroll(open_=True)), COMMIT), daemon(enroll(), count())),
    ),
    Program(
        "a leader stops between its look and its checkpoint",
        (ONE, ONE, daemon(stopping("checkpoint", enroll())), daemon(enroll())),
    ),
    Program(
        "a leader stops between its look and the counts",
        (ITSELF, ITSELF, daemon(stopping("move", count(open_=True)), COMMIT), daemon(count())),
    ),
    Program(
        "a leader stops before it cuts a transaction",
        (TWO_NOTES, ONE, daemon(stopping("checkpoint", enroll(1))), daemon(enroll(1), enroll(1))),
    ),
    # What else goes on.
    Program("old notes are purged", (ONE, ONE, daemon(enroll(), count(), sees()), daemon(PURGE, PURGE))),
    Program(
        "reactions are paused, and go on",
        (
            ONE,
            daemon(enroll(), count(), retry_enroll()),
            lms(pause("count"), resume("count")),
            lms(pause("enroll"), resume("enroll")),
        ),
    ),
    Program("counts are put right beside a leader", (ONE, daemon(enroll(), count(open_=True), COMMIT), lms(MOVED_BY_HAND, SYNC, COMMIT))),
    Program("two put counts right", (ONE, lms(MOVED_BY_HAND, SYNC, COMMIT), lms(SYNC, COMMIT), daemon(enroll(), count()))),
    Program("a step beside a leader", (ONE, lms(step(open_=True), COMMIT, step()), COUNTS)),
    Program("two steps, one of which is taken back", (ONE, ONE, lms(step(open_=True), COMMIT), lms(step(open_=True), ROLLBACK, step()))),
    Program(
        "a step with a count that is parked",
        (ONE, lms(LOCK_COURSE, COMMIT), lms(step(), step(), step())),
        is_quick=False,
    ),
    Program("the LMS enrolls beside steps", (ITSELF, ONE, lms(step(1), step(1), step(1)))),
    Program(
        "notes that move no count are passed over",
        (TWO_NOTES, ONE, ITSELF, daemon(count(1), PASS_OVER, count(1))),
    ),
    Program("two leaders pass over", (ONE, ITSELF, daemon(PASS_OVER, PASS_OVER), daemon(PASS_OVER, count()))),
    Program(
        "a replay beside the reaction that it sets back",
        (ONE, lms(REMEMBERS, students(), COMMIT, REPLAY_LOOKS, REPLAYS, COMMIT), daemon(sees(1), sees(1, open_=True), COMMIT)),
        locks_tables=True,
    ),
    Program(
        "a replay of a transaction that was cut in two",
        (TWO_NOTES, lms(REMEMBERS, REPLAY_LOOKS, REPLAYS, COMMIT), daemon(sees(1), sees(1))),
        locks_tables=True,
    ),
    Program(
        "a replay beside a purge",
        (ONE, lms(REMEMBERS, REPLAY_LOOKS, REPLAYS, COMMIT), daemon(enroll(), count(), sees(), PURGE)),
        locks_tables=True,
    ),
    # Nobody sleeps while there is something to do.
    Program("the bell is held before the last look", (ONE, ONE, daemon(HOLD_BELL, enroll(), SLEEP))),
    Program(
        "the bell is let go before a look",
        (ONE, ONE, daemon(HOLD_BELL, enroll(), RELEASE_BELL, HOLD_BELL, enroll(), SLEEP)),
        is_quick=False,
    ),
)
