"""What goes on beside leaders: purge, pauses, replays, steps, the bell, a migration."""

from listener import sql
from listener.feed import replaying
from tests.support.interleavings.programs.counting import COUNTS, FREE, HOLDS_COURSE, ITSELF
from tests.support.interleavings.programs.enrolling import ONE, TWO_NOTES
from tests.support.interleavings.steps import (
    COMMIT,
    HOLD_BELL,
    PURGE,
    RELEASE_BELL,
    ROLLBACK,
    SLEEP,
    Program,
    Steps,
    count,
    daemon,
    enroll,
    lms,
    look,
    pause,
    resume,
    retry_count,
    retry_enroll,
    sees,
    step,
    stopping,
    students,
)

TEST = "'test'"
SINCE = "current_setting('proof.since')::timestamptz"
REMEMBERS = look("select set_config('proof.since', clock_timestamp()::text, false)")


def _replaying(name: str, *arguments: str) -> str:
    text = sql.read("feed/replaying", name)
    for number, argument in enumerate(arguments, 1):
        text = text.replace(f"${number}", argument)
    return text.strip().rstrip(";")


REPLAY_LOOKS: Steps = look(
    "select set_config('proof.first_xid', coalesce(looked.first_xid, ''), false),"
    " set_config('proof.look', looked.seen, false)"
    f" from ({_replaying('look', TEST, SINCE)}) as looked"
)
REPLAYS: Steps = look(
    replaying.LOCK.strip().rstrip(";").replace("200ms", "10s"),
    _replaying(
        "set_back",
        TEST,
        SINCE,
        "nullif(current_setting('proof.first_xid'), '')",
        "current_setting('proof.look')",
        "'listener'",
        "'look'",
    ),
    # What is to be seen again counts as not seen.
    "delete from proof.seen using listener.unhandled('test') as again where seen.note = again.id",
    open_=True,
)
REPLAY = lms(REMEMBERS, REPLAY_LOOKS, REPLAYS, COMMIT)

RENAME = look("alter table courses rename column students to pupils")
FOLLOW = look("select listener.follow()")
RENAMED_BACK = "alter table public.courses rename column pupils to students"

PROGRAMS = (
    Program("old notes are purged", (ONE, daemon(enroll(), count(), sees()), daemon(PURGE, PURGE)), is_quick=False),
    Program(
        "old notes are purged beside a straggler", (ONE, ONE, daemon(enroll(), count(), sees(), PURGE)), is_quick=False
    ),
    Program("old notes are purged while a transaction is cut", (TWO_NOTES, daemon(enroll(), count(), sees(1), PURGE))),
    Program(
        "counting is paused, and goes on",
        (ONE, daemon(enroll(), count(), count()), lms(pause("count"), resume("count"))),
        is_quick=False,
    ),
    Program(
        "enrolling is paused, and goes on", (ONE, daemon(enroll(), enroll()), lms(pause("enroll"), resume("enroll")))
    ),
    Program(
        "reactions are paused, and go on",
        (
            ONE,
            daemon(enroll(), count(), retry_enroll()),
            lms(pause("count"), resume("count")),
            lms(pause("enroll"), resume("enroll")),
        ),
        is_quick=False,
    ),
    Program(
        "a parked count is paused",
        (FREE, HOLDS_COURSE, daemon(count(), retry_count()), lms(pause("count"))),
        is_quick=False,
    ),
    Program("a step beside sign-ups", (ONE, ONE, lms(step(), step()))),
    Program("a step stops once it has counted", (ONE, ONE, lms(stopping("step", step())))),
    Program("a step beside a leader", (ONE, lms(step(open_=True), COMMIT, step()), COUNTS), is_quick=False),
    Program(
        "two steps, one of which is taken back",
        (ONE, ONE, lms(step(open_=True), COMMIT), lms(step(open_=True), ROLLBACK, step())),
        is_quick=False,
    ),
    Program("a step with a count that is parked", (ITSELF, FREE, HOLDS_COURSE, lms(step(), step())), is_quick=False),
    Program("the LMS enrolls beside steps", (ITSELF, ONE, lms(step(1), step(1), step(1))), is_quick=False),
    Program(
        "a replay beside the reaction that it sets back",
        (ONE, REPLAY, daemon(sees(1), sees(1, open_=True), COMMIT)),
        locks_tables=True,
        is_quick=False,
    ),
    Program(
        "a replay beside a straggler",
        (lms(REMEMBERS, students(), COMMIT, REPLAY_LOOKS, REPLAYS, COMMIT), ONE, daemon(sees())),
        locks_tables=True,
        is_quick=False,
    ),
    Program(
        "a replay of a transaction that was cut in two",
        (TWO_NOTES, REPLAY, daemon(sees(1), sees(1))),
        locks_tables=True,
        is_quick=False,
    ),
    Program(
        "a replay beside a purge",
        (ONE, REPLAY, daemon(enroll(), count(), sees(), PURGE)),
        locks_tables=True,
        is_quick=False,
    ),
    Program("the bell is held before the last look", (ONE, ONE, daemon(HOLD_BELL, enroll(), SLEEP))),
    Program(
        "the bell is let go before a look",
        (ONE, ONE, daemon(HOLD_BELL, enroll(), RELEASE_BELL, HOLD_BELL, enroll(), SLEEP)),
        is_quick=False,
    ),
    Program(
        "a column is renamed, and followed",
        (ITSELF, lms(RENAME), daemon(count(), FOLLOW, count())),
        ground="migrating",
        after=RENAMED_BACK,
        locks_tables=True,
        is_quick=False,
    ),
    Program(
        "a column is renamed while a leader counts",
        (lms(students(), COMMIT), lms(RENAME), daemon(enroll(), count(open_=True), COMMIT, FOLLOW)),
        ground="migrating",
        after=RENAMED_BACK,
        locks_tables=True,
        is_quick=False,
    ),
)
