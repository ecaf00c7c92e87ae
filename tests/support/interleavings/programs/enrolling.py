"""Writers, whose notes become visible out of order; leaders, whose batches cut transactions in two, that are two for a
while, that are killed, and that stop inside of a statement."""

from tests.support.interleavings.steps import (
    COMMIT,
    ROLLBACK,
    UNDONE,
    Program,
    count,
    daemon,
    enroll,
    lms,
    notes,
    sees,
    stopping,
    students,
    write,
)

ONE = lms(students(), COMMIT)
TWO = lms(students(), students(first=2), COMMIT)
TWO_AT_ONCE = lms(students(2), COMMIT)
TWO_NOTES = lms(notes(2), COMMIT)

LEADER = daemon(enroll(1, open_=True), COMMIT, count(1))
ENROLLS = daemon(enroll(open_=True), COMMIT, count())
HAS_ENROLLED = write("insert into enrollments (user_id, course_id) select id, 1 from profiles limit 1", can_block=True)

LEADERS = Program("a writer, two leaders that enroll", (ONE, ENROLLS, ENROLLS))
STRAGGLERS = Program(
    "three stragglers, two of them of two notes", (TWO_NOTES, ONE, TWO_NOTES, daemon(enroll(1) * 4)), is_quick=False
)
STOPPING = daemon(stopping("checkpoint", enroll()))
CHECKPOINT = Program(
    "a leader stops between its look and its checkpoint",
    (ONE, ONE, STOPPING, daemon(enroll())),
    is_quick=False,
)

PROGRAMS = (
    Program("two writers, two leaders", (ONE, ONE, LEADER, LEADER), is_quick=False),
    Program("two writers of two, two leaders", (TWO, TWO, LEADER, LEADER), is_quick=False),
    Program("three writers, two leaders", (ONE, ONE, ONE, LEADER, LEADER), is_quick=False),
    Program("a writer of one note, one of two, a leader", (ONE, TWO_NOTES, daemon(enroll(1) * 2))),
    Program("a leader stops between its look and its checkpoint, once", (ONE, STOPPING, daemon(enroll()))),
    Program("two writers of two, a leader", (TWO, TWO, LEADER), is_quick=False),
    Program("three writers, a leader", (ONE, ONE, ONE, daemon(enroll(1) * 2, count(1))), is_quick=False),
    STRAGGLERS,
    STRAGGLERS.drained_singly(),
    Program(
        "a statement signs up two, another one", (TWO_AT_ONCE, ONE, daemon(enroll(1) * 2, count(1))), is_quick=False
    ),
    Program(
        "a reaction of one's own, one note at a time", (TWO_NOTES, ONE, TWO_NOTES, daemon(sees(1) * 4)), is_quick=False
    ),
    Program("three writers, a reaction of one's own", (ONE, ONE, ONE, daemon(sees(1) * 2)), drain=1, is_quick=False),
    Program(
        "a savepoint is undone, another writer rolls back",
        (
            lms(students(), students(first=2, savepoint=True), UNDONE, students(first=3), COMMIT),
            lms(students(), ROLLBACK),
            daemon(enroll(1), sees(1), count(1)),
        ),
        is_quick=False,
    ),
    LEADERS,
    LEADERS.on("no_key"),
    Program(
        "two writers, a leader is killed as it enrolls",
        (ONE, ONE, ENROLLS, daemon(enroll(open_=True), ROLLBACK)),
        is_quick=False,
    ),
    Program("two writers of three notes, two leaders of one note", (TWO_NOTES, ONE, LEADER, LEADER), is_quick=False),
    Program(
        "a leader gives up while another one has its batch in hand",
        (ONE, ONE, daemon(enroll(open_=True), COMMIT), daemon(enroll(gives_up=True), enroll(singly=True), count())),
        is_quick=False,
    ),
    Program(
        "the reaction of one's own, by two leaders",
        (TWO_NOTES, ONE, daemon(sees(1, open_=True), COMMIT), daemon(sees(1, open_=True), COMMIT)),
        is_quick=False,
    ),
    Program(
        "the LMS enrolls whom a leader enrolls, too",
        (ONE, lms(HAS_ENROLLED, COMMIT), daemon(enroll(open_=True), COMMIT, count())),
        locks_tables=True,
        is_quick=False,
    ),
    Program(
        "the course is held when a leader enrolls",
        (
            ONE,
            lms(write("select from courses where id = 1 for update", can_block=True), COMMIT),
            daemon(enroll(), enroll(), count()),
        ),
        is_quick=False,
    ),
    Program(
        "a leader stops between its look and its students",
        (ONE, ONE, daemon(stopping("settle", enroll(open_=True)), COMMIT), daemon(enroll(), count())),
        is_quick=False,
    ),
    CHECKPOINT,
    CHECKPOINT.on("no_key"),
    Program(
        "a leader of one's own reaction stops before its checkpoint",
        (ONE, ONE, daemon(stopping("handled", sees(1))), daemon(sees(1))),
        is_quick=False,
    ),
    Program(
        "a leader stops before it cuts a transaction",
        (TWO_NOTES, ONE, daemon(stopping("checkpoint", enroll(1))), daemon(enroll(1), enroll(1))),
        is_quick=False,
    ),
)
