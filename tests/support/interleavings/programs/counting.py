"""The LMS enrolls people itself; counts are moved, parked, tried again, put right."""

from listener import sql
from tests.support.interleavings.programs.enrolling import ONE, TWO_NOTES
from tests.support.interleavings.steps import (
    COMMIT,
    LEAVES,
    PASS_OVER,
    ROLLBACK,
    UNENROLLS,
    Program,
    count,
    daemon,
    enroll,
    enrolls,
    lms,
    look,
    retry_count,
    stopping,
    write,
)

ITSELF = lms(enrolls(), COMMIT)
ITSELF_TWICE = lms(enrolls(), enrolls(2), COMMIT)
FREE = lms(enrolls(course=1), COMMIT)
"""Enrolls somebody in the course that others hold."""
HOLDS_COURSE = lms(write("select from courses where id = 1 for no key update", can_block=True), COMMIT)

COUNTS = daemon(enroll(1), count(1, open_=True), COMMIT)
COUNTS_KILLED = daemon(enroll(1), count(1, open_=True), ROLLBACK)

MOVED_BY_HAND = look(
    "update public.courses set enrollments = enrollments + 5 where id = 1",
    "insert into proof.drift values (1, 5) on conflict (course_id) do update set by = drift.by + 5",
)
SYNC = look(
    sql.read("database/settings", "whole_tables").strip().rstrip(";"),
    "select set_config('proof.repaired', coalesce(string_agg(course_id, ','), ''), true)"
    " from listener.repair_counts() where count_column = 'enrollments'",
    "update proof.drift set by = 0"
    " where course_id::text = any (string_to_array(current_setting('proof.repaired'), ','))",
    open_=True,
    about="count",
)
SINGLY = Program(
    "the LMS enrolls two in one transaction, counts are moved one at a time",
    (ITSELF_TWICE, ITSELF, daemon(count(1), count(1, open_=True), COMMIT)),
    is_quick=False,
)

PROGRAMS = (
    Program("a writer, two leaders that count", (ONE, COUNTS, COUNTS), is_quick=False),
    Program("a writer, a leader is killed as it counts", (ONE, COUNTS, COUNTS_KILLED), is_quick=False),
    Program("two writers, a leader is killed as it counts", (ONE, ONE, COUNTS, COUNTS_KILLED), is_quick=False),
    Program("the LMS enrolls two, counts are moved", (ITSELF, ITSELF, daemon(count(), count()))),
    SINGLY,
    SINGLY.drained_singly(),
    Program(
        "the LMS enrolls, undoes, ends and deletes enrollments",
        (
            lms(enrolls(), LEAVES, COMMIT),
            lms(enrolls(), UNENROLLS, enrolls(2), COMMIT),
            daemon(count(1), count(1), count(1)),
        ),
        is_quick=False,
    ),
    Program(
        "a leader stops between its look and the counts",
        (ITSELF, ITSELF, daemon(stopping("move", count(open_=True)), COMMIT), daemon(count())),
        is_quick=False,
    ),
    Program(
        "a leader stops between its look and its checkpoint, counting",
        (ITSELF, ITSELF, daemon(stopping("counted", count())), daemon(count())),
        is_quick=False,
    ),
    # Counts whose course is held wait, and are tried again.
    Program("somebody holds the course: counts are parked", (FREE, HOLDS_COURSE, daemon(count(), retry_count()))),
    Program("two counts of a course are parked", (FREE, FREE, HOLDS_COURSE, daemon(count(), count())), is_quick=False),
    Program(
        "parked counts are tried again by two leaders",
        (FREE, HOLDS_COURSE, daemon(count(), retry_count(open_=True), COMMIT), daemon(retry_count(open_=True), COMMIT)),
        is_quick=False,
    ),
    Program(
        "a count is parked while a parked one is tried again",
        (FREE, FREE, HOLDS_COURSE, daemon(count(1), retry_count(open_=True), COMMIT), daemon(count(1))),
        is_quick=False,
    ),
    # What moves no count is passed over.
    Program(
        "notes that move no count are passed over",
        (TWO_NOTES, ONE, ITSELF, daemon(count(1), PASS_OVER, count(1))),
        is_quick=False,
    ),
    Program(
        "the rest of a cut transaction is passed over, beside a straggler",
        (TWO_NOTES, ONE, daemon(count(1), PASS_OVER)),
    ),
    Program(
        "notes are passed over up to one that moves a count",
        (ONE, ITSELF, daemon(count(1), PASS_OVER, count(1))),
        is_quick=False,
    ),
    Program(
        "some are passed over, a straggler moves a count",
        (ITSELF, ONE, ONE, daemon(PASS_OVER, PASS_OVER)),
        is_quick=False,
    ),
    Program(
        "two leaders pass over", (ONE, ITSELF, daemon(PASS_OVER, PASS_OVER), daemon(PASS_OVER, count())), is_quick=False
    ),
    # `listener sync`.
    Program(
        "counts are put right beside a leader",
        (ONE, daemon(enroll(), count(open_=True), COMMIT), lms(MOVED_BY_HAND, SYNC, COMMIT)),
        locks_tables=True,
        is_quick=False,
    ),
    Program(
        "two put counts right",
        (ITSELF, lms(MOVED_BY_HAND, SYNC, COMMIT), lms(SYNC, COMMIT)),
        locks_tables=True,
        is_quick=False,
    ),
)
