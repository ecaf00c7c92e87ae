"""The express lane: a crowd is there before the schedule begins, and is handled by small batches; who comes then is
handled ahead of it, by one leader or two."""

from tests.support.interleavings.programs.beside import REMEMBERS, REPLAY_LOOKS, REPLAYS
from tests.support.interleavings.programs.counting import ITSELF
from tests.support.interleavings.programs.enrolling import ONE, TWO_NOTES
from tests.support.interleavings.steps import (
    COMMIT,
    PASS_OVER,
    PURGE,
    ROLLBACK,
    Program,
    ahead,
    count,
    daemon,
    enroll,
    lane,
    lms,
    pause,
    resume,
    sees,
    sees_fresh,
    step,
    stopping,
)


def signs_up(*profiles: int) -> str:
    rows = ", ".join(f"({each}, 'student')" for each in profiles)
    return f"insert into public.profiles (id, role) values {rows}"


IMPORT = f"{signs_up(*range(1, 6))}; {signs_up(*range(6, 11))}"
"""One transaction of two notes, which is too large to be handled ahead."""
SMALL_CROWD = f"{signs_up(1)}; {signs_up(2)}; {signs_up(3)}"
"""One that may be handled ahead, too, until a batch has cut it."""
CLASS = (
    "insert into public.profiles (id, role) select each, 'teacher' from generate_series(1, 3) as each;"
    " insert into public.enrollments (user_id, course_id) values (1, 2);"
    " insert into public.enrollments (user_id, course_id) values (2, 2);"
    " insert into public.enrollments (user_id, course_id) values (3, 2)"
)

FIRST = daemon(enroll(1), ahead("enroll", open_=True), COMMIT)
AHEAD = Program("behind an import, two leaders", (ONE, FIRST, FIRST), then=IMPORT, is_quick=False)
STOPS = Program(
    "behind an import, a leader stops between its look and what it writes ahead",
    (ONE, daemon(stopping("fresh", ahead("enroll"))), daemon(enroll(1), enroll())),
    then=IMPORT,
)
OWN = Program(
    "behind a crowd, a reaction of one's own",
    (ONE, daemon(sees(1), sees_fresh(), sees(1), sees(1), sees(1))),
    then=SMALL_CROWD,
    drain=1,
)

PROGRAMS = (
    Program(
        "behind an import", (ONE, daemon(enroll(1), ahead("enroll"), count(1), ahead("count"), enroll())), then=IMPORT
    ),
    Program(
        "behind an import, beside a straggler",
        (ONE, ONE, daemon(enroll(1), ahead("enroll"), enroll(1), enroll(), ahead("enroll"))),
        then=IMPORT,
        is_quick=False,
    ),
    Program(
        "behind an import, each look begins where the last one was",
        (ONE, ONE, daemon(enroll(1), lane("enroll", is_first=True), lane("enroll"), enroll())),
        then=IMPORT,
        is_quick=False,
    ),
    AHEAD,
    AHEAD.on("no_key"),
    STOPS,
    STOPS.on("no_key"),
    Program(
        "behind an import, two come, a leader stops between its look and what it writes ahead",
        (ONE, ONE, daemon(enroll(1), stopping("fresh", ahead("enroll"))), daemon(ahead("enroll"))),
        then=IMPORT,
        is_quick=False,
    ),
    Program(
        "behind an import, a leader is killed with somebody ahead",
        (ONE, daemon(ahead("enroll", open_=True), ROLLBACK), daemon(enroll(1), ahead("enroll"), enroll())),
        then=IMPORT,
        is_quick=False,
    ),
    Program(
        "behind an import, a leader stops between its small look and the larger one",
        (ONE, daemon(stopping("larger", enroll())), daemon(ahead("enroll"), enroll())),
        then=IMPORT,
        is_quick=False,
    ),
    Program(
        "nothing but what is ahead is left",
        (ITSELF, ITSELF, daemon(count(1), ahead("count"), count(2), stopping("close", count()))),
        then=CLASS,
        is_quick=False,
    ),
    Program(
        "behind an import, enrolling is paused",
        (ONE, daemon(enroll(1), ahead("enroll"), ahead("enroll")), lms(pause("enroll"), resume("enroll"))),
        then=IMPORT,
        is_quick=False,
    ),
    OWN,
    Program(
        "behind a crowd, a reaction of one's own, beside a straggler",
        (ONE, TWO_NOTES, daemon(sees(1), sees_fresh(), sees(1), sees(1))),
        then=SMALL_CROWD,
        drain=1,
        is_quick=False,
    ),
    Program(
        "behind a crowd, a reaction of one's own stops between its look and what it writes ahead",
        (ONE, daemon(sees(1), stopping("fresh", sees_fresh())), daemon(sees())),
        then=SMALL_CROWD,
    ),
    Program(
        "behind a crowd, the reaction of one's own, by two leaders",
        (
            ONE,
            daemon(sees(1), sees_fresh(open_=True), COMMIT),
            daemon(sees_fresh(open_=True), COMMIT, sees(1, open_=True), COMMIT),
        ),
        then=SMALL_CROWD,
        drain=1,
        is_quick=False,
    ),
    Program(
        "behind a crowd, old notes are purged",
        (ONE, daemon(enroll(1), ahead("enroll"), sees(1), sees_fresh(), count()), daemon(PURGE)),
        then=SMALL_CROWD,
        is_quick=False,
    ),
    Program(
        "behind a crowd, a replay",
        (ONE, lms(REMEMBERS, REPLAY_LOOKS, REPLAYS, COMMIT), daemon(sees(1), sees_fresh(), sees(1))),
        then=SMALL_CROWD,
        locks_tables=True,
        is_quick=False,
    ),
    Program(
        "behind a class, counts are moved ahead",
        (ITSELF, daemon(count(1), ahead("count"), count(1), count(1))),
        then=CLASS,
    ),
    Program(
        "behind a class, counts are moved ahead by two leaders",
        (ITSELF, ITSELF, daemon(count(1), ahead("count", open_=True), COMMIT), daemon(ahead("count"), count(1))),
        then=CLASS,
        is_quick=False,
    ),
    Program(
        "behind a class, counts are moved ahead, and passed over",
        (ITSELF, ONE, daemon(count(1), ahead("count"), count(2), PASS_OVER, count(1))),
        then=CLASS,
        is_quick=False,
    ),
    Program(
        "behind a class, the newest count is moved ahead, and others are passed over",
        (ITSELF, ITSELF, daemon(count(1), ahead("count", 1), count(2), PASS_OVER, count())),
        then=f"begin; {CLASS}; commit; {signs_up(11)}",
        is_quick=False,
    ),
    Program("behind an import, steps", (ONE, lms(step(1), step(1), step(1))), then=IMPORT, is_quick=False),
)
