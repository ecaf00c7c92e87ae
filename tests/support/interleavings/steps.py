"""Steps: what a session does at once. A program is a list of steps for each session."""

from dataclasses import dataclass, field, replace
from enum import Enum, auto

from listener import sql
from listener.database.locks import BELL_LOCK, LOCK_CLASS


class Kind(Enum):
    """What kind of step, for `commuting.py`."""

    WRITE = auto()
    """Writes rows of the LMS that nobody else writes, in a transaction that goes on."""
    COMMIT = auto()
    ROLLBACK = auto()
    LOOK = auto()
    """Anything that reads what others write: it commutes with hardly anything."""
    PAUSE = auto()
    """Pauses a reaction, or lets it go on."""
    GO = auto()
    """Goes on from a place inside a statement."""
    SLEEP = auto()
    """Waits for a ring, if it holds the bell."""
    KILL = auto()
    """Ends another session, wherever that is: between two statements, or inside of one that waits."""


@dataclass(frozen=True)
class Step:
    """One step. `{key}` in its statements is a number that no other writer of the schedule has."""

    statements: tuple[str, ...]
    kind: Kind
    about: frozenset[str] = frozenset()
    """Reactions of whose pause it asks; those that it pauses."""
    stays_open: bool = False
    """Whether its transaction goes on after it."""
    stops_at: str | None = None
    """A place inside the statement where it stops, until the session's next step, GO."""
    gives_up: bool = False
    """A leader that waits for a lock gives up after a moment."""
    time_passes: bool = False
    """What was set aside is due."""
    can_block: bool = True
    kills: int | None = None
    """The session that is ended, by its place in the program."""

    @property
    def is_end(self) -> bool:
        return self.kind in (Kind.COMMIT, Kind.ROLLBACK)


Steps = tuple[Step, ...]

COMMIT: Steps = (Step(("commit",), Kind.COMMIT),)
ROLLBACK: Steps = (Step(("rollback",), Kind.ROLLBACK),)
GO = Step((), Kind.GO)


@dataclass(frozen=True)
class Session:
    """One session of a program."""

    steps: Steps
    is_daemon: bool = False


@dataclass(frozen=True)
class Program:
    """What some sessions do side by side."""

    name: str
    sessions: tuple[Session, ...]
    ground: str = "school"
    drain: int = 64
    """What a batch may weigh at the end, when a lone leader catches up."""
    locks_tables: bool = False
    """Whether some step locks tables, so that not even the end of a transaction that did nothing commutes."""
    before: str = ""
    """What is done, and handled, before a schedule begins."""
    then: str = ""
    """What is done after that, and is not handled."""
    after: str = ""
    """What is done after each schedule, as far as it can be."""
    is_quick: bool = field(default=True, compare=False)
    """Whether it is part of the short form."""

    @property
    def has_bell(self) -> bool:
        return any(step.kind is Kind.SLEEP for each in self.sessions for step in each.steps)

    @property
    def alike(self) -> dict[int, int]:
        """Of each session that does the same as an earlier one, the last of these: it begins after that one."""
        found = dict[int, int]()
        killed = {step.kills for each in self.sessions for step in each.steps}
        for number, each in enumerate(self.sessions):
            earlier = [before for before in range(number) if self.sessions[before] == each and before not in killed]
            if earlier and number not in killed:
                found[number] = earlier[-1]
        return found

    def drained_singly(self) -> "Program":
        """The same, where the lone leader at the end takes one note at a time."""
        return replace(self, name=f"{self.name}, drained one note at a time", drain=1)

    def on(self, ground: str) -> "Program":
        """The same, in another school."""
        return replace(self, name=f"{self.name}, {ground.replace('_', ' ')}", ground=ground)


def lms(*steps: Steps) -> Session:
    """A session of the LMS's, or anybody's."""
    return Session(tuple(step for some in steps for step in some))


def daemon(*steps: Steps) -> Session:
    """A session set up as a daemon's."""
    return Session(tuple(step for some in steps for step in some), is_daemon=True)


def write(statement: str, *, can_block: bool = False) -> Steps:
    """The LMS writes rows of its own, in the transaction that goes on."""
    return (Step((statement,), Kind.WRITE, stays_open=True, can_block=can_block),)


def look(
    *statements: str, about: str = "", open_: bool = False, gives_up: bool = False, time_passes: bool = False
) -> Steps:
    """Any statements; about these reactions. They are a transaction unless it stays open."""
    reactions = frozenset(about.split())
    return (Step(statements, Kind.LOOK, reactions, stays_open=open_, gives_up=gives_up, time_passes=time_passes),)


def students(count: int = 1, *, first: int = 1, savepoint: bool = False) -> Steps:
    """So many sign up by one statement, which takes one note."""
    rows = ", ".join(f"({{key}} + {first + number}, 'student')" for number in range(count))
    begin = "savepoint a; " if savepoint else ""
    return write(f"{begin}insert into profiles (id, role) values {rows}")


def notes(count: int) -> Steps:
    """So many sign up, each by a statement, in one step."""
    rows = (f"insert into profiles (id, role) values ({{key}} + {number + 1}, 'student')" for number in range(count))
    return write("; ".join(rows))


def enrolls(number: int = 1, course: int = 2) -> Steps:
    """The LMS enrolls somebody itself."""
    return write(
        f"insert into profiles (id, role) values ({{key}} + {number}, 'teacher');"
        f" insert into enrollments (user_id, course_id) values ({{key}} + {number}, {course})"
    )


LEAVES = write("update enrollments set status = 'gone' where user_id = {key} + 1")
"""The LMS ends the enrollment that it made."""
UNENROLLS = write("delete from enrollments where user_id = {key} + 1")
LOOKED = "nullif(current_setting('proof.looked'), '')"
UNDONE = write("rollback to savepoint a")


def enroll(most: int = 64, *, open_: bool = False, singly: bool = False, gives_up: bool = False) -> Steps:
    """One batch of enrolling."""
    text = f"select * from listener.enroll({most}, singly => {str(singly).lower()}, most_shown => 20)"
    return look(text, about="enroll", open_=open_, gives_up=gives_up)


def count(most: int = 64, *, open_: bool = False, singly: bool = False, gives_up: bool = False) -> Steps:
    """One batch of counting."""
    text = f"select * from listener.count({most}, singly => {str(singly).lower()}, most_shown => 20)"
    return look(text, about="count", open_=open_, gives_up=gives_up)


def sees(most: int = 64, *, open_: bool = False) -> Steps:
    """One batch of the reaction that somebody installed."""
    return look(f"select * from proof.sees({most})", about="test", open_=open_)


def sees_fresh(most: int = 64, *, open_: bool = False) -> Steps:
    """What that reaction handles ahead of its turn."""
    return look(f"select * from proof.sees_fresh({most}, null)", about="test", open_=open_)


def ahead(reaction: str, most: int = 64, *, open_: bool = False) -> Steps:
    """What a leader that has just begun enrolls, or counts, ahead of its turn."""
    return look(f"select * from listener.{reaction}({most}, fresh => true)", about=reaction, open_=open_)


def lane(reaction: str, most: int = 64, *, is_first: bool = False) -> Steps:
    """A look at what is fresh, and a batch of that, as `Lane.take` has them."""
    begin = "select set_config('proof.looked', '', false)"
    looks = "\n".join(line for line in sql.read("feed/lane").splitlines() if not line.startswith("--"))
    for number, argument in enumerate((f"'{reaction}'", LOOKED, str(most)), 1):
        looks = looks.replace(f"${number}", argument)
    return (
        *look(
            *([begin] if is_first else []),
            "select set_config('proof.is_fresh', lane.is_fresh::text, false),"
            f" set_config('proof.looks', lane.looked, false) from ({looks}) as lane",
        ),
        *look(
            "select * from (select where current_setting('proof.is_fresh')::boolean) as look"
            f" cross join lateral listener.{reaction}({most}, fresh => true, looked => {LOOKED}) as taken",
            "select set_config('proof.looked', current_setting('proof.looks'), false)",
            about=reaction,
        ),
    )


def stopping(place: str, step: Steps) -> Steps:
    """The same step, which stops at a place inside it, and goes on."""
    return (replace(step[0], stops_at=place), GO)


def kill(number: int) -> Steps:
    """The server ends a session, as it does when somebody asks for it, or when the machine at the other end is gone."""
    return (Step((), Kind.KILL, kills=number),)


def pause(reaction: str) -> Steps:
    text = f"select * from listener.pause('{reaction}', null)"
    return (Step((text,), Kind.PAUSE, frozenset({reaction})),)


def resume(reaction: str) -> Steps:
    text = f"select * from listener.resume('{reaction}')"
    return (Step((text,), Kind.PAUSE, frozenset({reaction})),)


def retry_count(*, open_: bool = False) -> Steps:
    return look("select * from listener.retry_count(10)", about="count", open_=open_, time_passes=True)


def retry_enroll(*, singly: bool = True, open_: bool = False) -> Steps:
    text = f"select * from listener.retry_enroll(10, singly => {str(singly).lower()})"
    return look(text, about="enroll", open_=open_, time_passes=True)


PURGE = look(
    "select * from listener.purge('0', 1000, 0)",
    *(f"select * from listener.purge_checkpoints('{each}', 0, 1000, 0)" for each in ("enroll", "count", "test")),
)
PASS_OVER = look("select * from listener.pass_over_counting(1000)", about="count")
HOLD_BELL = look(f"select * from pg_try_advisory_lock({LOCK_CLASS}, {BELL_LOCK}) as bell(has_bell)")
SLEEP: Steps = (Step((), Kind.SLEEP),)
RELEASE_BELL = look(f"select * from pg_advisory_unlock({LOCK_CLASS}, {BELL_LOCK}) as bell(had_bell)")


def step(most: int = 64, *, open_: bool = False) -> Steps:
    """A round of `listener.step()`."""
    return look(f"select * from listener.step({most})", about="enroll count test", open_=open_)
