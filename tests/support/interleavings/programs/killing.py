"""A session is ended by the server, at any point: before its first statement, between two, inside of one that waits for
a row or has stopped at a place of its own, after its commit. A session that only kills is run in every place."""

from tests.support.interleavings.programs.counting import FREE, HOLDS_COURSE, ITSELF
from tests.support.interleavings.programs.enrolling import ONE, TWO_NOTES
from tests.support.interleavings.programs.lane import IMPORT, SMALL_CROWD
from tests.support.interleavings.steps import (
    COMMIT,
    HOLD_BELL,
    PURGE,
    SLEEP,
    Program,
    ahead,
    count,
    daemon,
    enroll,
    kill,
    lms,
    pause,
    resume,
    retry_count,
    sees,
    sees_fresh,
    step,
    stopping,
)

ENROLLS = daemon(enroll(open_=True), COMMIT, count())
STOPPING = daemon(stopping("checkpoint", enroll()))

PROGRAMS = (
    Program("a leader is killed", (ONE, ENROLLS, lms(kill(1)))),
    Program("a leader is killed between its look and its checkpoint", (ONE, STOPPING, lms(kill(1)))),
    Program("a step is killed once it has counted", (ONE, lms(stopping("step", step())), lms(kill(1)))),
    Program("a writer is killed", (TWO_NOTES, daemon(enroll(1), enroll(1)), lms(kill(0)))),
    Program(
        "a leader is killed, another one goes on",
        (ONE, ENROLLS, daemon(enroll(), count()), lms(kill(1))),
        is_quick=False,
    ),
    Program(
        "a leader is killed between its look and its checkpoint, another one goes on",
        (ONE, STOPPING, daemon(enroll(), count()), lms(kill(1))),
        is_quick=False,
    ),
    Program(
        "a leader is killed between its look and its students, beside a straggler",
        (ONE, ONE, daemon(stopping("settle", enroll())), lms(kill(2))),
        is_quick=False,
    ),
    Program(
        "a leader is killed with a transaction cut in two, another one goes on",
        (TWO_NOTES, daemon(enroll(1, open_=True), COMMIT, enroll(1)), daemon(enroll(1)), lms(kill(1))),
        is_quick=False,
    ),
    Program(
        "a leader is killed while it waits for who holds the course",
        (FREE, HOLDS_COURSE, daemon(count(open_=True), COMMIT), lms(kill(2))),
        is_quick=False,
    ),
    Program(
        "who holds the course is killed",
        (FREE, HOLDS_COURSE, daemon(count(), retry_count()), lms(kill(1))),
        is_quick=False,
    ),
    Program(
        "a leader is killed as it counts, another one goes on",
        (ITSELF, daemon(stopping("counted", count())), daemon(count()), lms(kill(1))),
        is_quick=False,
    ),
    Program(
        "a reaction of one's own is killed before its checkpoint, another leader goes on",
        (TWO_NOTES, daemon(stopping("handled", sees(1))), daemon(sees(1)), lms(kill(1))),
        is_quick=False,
    ),
    Program(
        "behind an import, a leader is killed before it writes ahead",
        (ONE, daemon(stopping("fresh", ahead("enroll"))), daemon(ahead("enroll")), lms(kill(1))),
        then=IMPORT,
        is_quick=False,
    ),
    Program(
        "behind a crowd, a reaction of one's own is killed before it writes ahead",
        (ONE, daemon(sees(1), stopping("fresh", sees_fresh())), daemon(sees()), lms(kill(1))),
        then=SMALL_CROWD,
        is_quick=False,
    ),
    Program(
        "who pauses is killed",
        (ONE, daemon(enroll(), count()), lms(pause("count"), resume("count")), lms(kill(2))),
        is_quick=False,
    ),
    Program(
        "who purges is killed", (ONE, daemon(enroll(), count(), sees()), daemon(PURGE), lms(kill(2))), is_quick=False
    ),
    Program(
        "a daemon with the bell in its hand is killed, another one sleeps",
        (ONE, daemon(HOLD_BELL, enroll(), SLEEP), daemon(HOLD_BELL, enroll(), SLEEP), lms(kill(1))),
        is_quick=False,
    ),
)
