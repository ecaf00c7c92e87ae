"""Structured logs: one line an event, to stderr, and the catalogue of events."""

import logging
import sys
from enum import StrEnum
from typing import Any, Literal

import structlog


class Event(StrEnum):
    """Every event that is logged. The text beside each goes into the documentation."""

    doc: str

    def __new__(cls, value: str, doc: str) -> "Event":
        """A member with its explanation."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.doc = doc
        return member

    STARTING = "starting", "the daemon starts: version, where it connects to, where it serves HTTP"
    CONNECTED = (
        "connected",
        "the database connection works; after an outage with `outage_seconds` and `attempts`",
    )
    CONNECTION_LOST = "connection_lost", "the connection failed, or cannot be made: once an outage"
    LEADER_ACQUIRED = "leader_acquired", "this daemon leads now"
    STANDING_BY = "standing_by", "another daemon leads; this one waits for its turn"
    LEADER_DEPOSED = "leader_deposed", "the leader was silent for three heartbeats and was disconnected"
    LOCK_SQUATTED = (
        "lock_squatted",
        "the leader's lock is held by a session that is no daemon (`pid`, `application_name`): a deputy leads",
    )
    LEADERSHIP_LOST = "leadership_lost", "another daemon wrote the checkpoint first; nothing was applied here"
    HEARTBEAT_MISSED = (
        "heartbeat_missed",
        "the heartbeat did not come back in time; the connection is given up",
    )
    STUDENT_ENROLLED = (
        "student_enrolled",
        "a student was enrolled: `profile_id`, `course_id`; with `observing`, would have been",
    )
    STUDENTS_ENROLLED = "students_enrolled", "many students were enrolled in one second: `count`, no names"
    STUDENT_RETURNED = (
        "student_returned",
        "a student is enrolled again where the listener had taken it back: `profile_id`, `course_id`",
    )
    STUDENTS_RETURNED = "students_returned", "many students returned in one second: `count`"
    STUDENT_LEFT = (
        "student_left",
        (
            "an enrollment that the listener had made is wanted no more, and was taken back: `profile_id`, "
            "`course_id`, `how` (suspended or removed)"
        ),
    )
    STUDENTS_LEFT = "students_left", "many enrollments were taken back in one second: `count`, `how`"
    COURSE_COUNT_MOVED = "course_count_moved", "a course's count was moved by `delta`"
    COURSE_COUNTS_MOVED = "course_counts_moved", "many counts were moved in one second: `count`"
    BATCH_APPLIED = "batch_applied", "a consumer handled a batch (debug): `changes`, `milliseconds`"
    STUDENT_PENDING = "student_pending", "a student could not be enrolled yet: `reason`, `error`"
    STUDENTS_PENDING = (
        "students_pending",
        "many students could not be enrolled in one second: `count`, one `error`",
    )
    REACTION_FAILED = "reaction_failed", "a batch failed and is tried again, one by one: `error`"
    SAMPLE_FAILED = "sample_failed", "figures for the metrics could not be read: `error`; once an outage"
    SAMPLE_RECOVERED = "sample_recovered", "figures for the metrics can be read again"
    POLLING = "polling", "writers cannot ring: `reason`; the daemon looks for changes on a timer"
    REACTION_BLOCKED = (
        "reaction_blocked",
        "a batch of `consumer` fails as a whole, and is tried again: `error`; the others go on; told once",
    )
    REACTION_RECOVERED = "reaction_recovered", "the batch that failed as a whole was handled: `consumer`"
    STUDENTS_MISSED = (
        "students_missed",
        "`count` students have no enrollment, and no note says so: `listener sync` enrolls them",
    )
    WANTED_MISSING = (
        "wanted_missing",
        "at two audits in a row `count` enrollments should have been there and were not, and nothing waits: told once",
    )
    AUDITED = "audited", "the tables were audited: `students`, `missing`, `drifted`, `milliseconds`"
    LOOKED_AFTER = (
        "looked_after",
        "the audit noted `students` who are wanted elsewhere by now, which no trigger sees under this rule",
    )
    AUDIT_FAILED = "audit_failed", "the audit could not be done: `error`"
    DRIFT_REPAIRED = (
        "drift_repaired",
        "a course's count was off, and was repaired by the difference: `course_id`, `count_column`, `drift`",
    )
    MAPPING_FOLLOWED = (
        "mapping_followed",
        "a migration renamed or moved what is mapped: `changes` says what became what",
    )
    MAPPING_BROKEN = (
        "mapping_broken",
        "a migration took away what is mapped: `problems`, and `settings` that would help; sign-ups and notes go on",
    )
    MAPPING_MENDED = "mapping_mended", "what is mapped can be read again"
    MADE_GOOD = (
        "made_good",
        "what triggers could note only blindly was made good: `students` noted again, `counts` repaired",
    )
    TRIGGERS_CAME_BACK = (
        "triggers_came_back",
        "the LMS's own `triggers` enroll or count again: `listener install --take-over` disables them",
    )
    DRIFT_RETURNS = (
        "drift_returns",
        (
            "`count` counts were off again at the next audit: somebody else moves them; told once, see "
            "`listener_drift_returning`"
        ),
    )
    DATABASE_RESTORED = (
        "database_restored",
        "the database is a copy whose checkpoints mean nothing: the feed starts over, `students` are noted again",
    )
    PAUSED = (
        "paused",
        "somebody paused a reaction: `consumer`, `since`, `by`, `reason`; its notes wait until `listener resume`",
    )
    RESUMED = "resumed", "a reaction that was paused goes on: `consumer`"
    REACTIONS_LOADED = (
        "reactions_loaded",
        "others were installed than before, or in another form: from now on `reactions` run besides those built in",
    )
    NOT_READY = "not_ready", "the daemon cannot work with this database: `error` says what to do"
    STOPPING = "stopping", "a signal was received; the statement in hand is finished first"
    STOPPED = "stopped", "the daemon has stopped"


Level = Literal["debug", "info", "warning", "error"]
Logger = structlog.typing.FilteringBoundLogger


def configure(level: Level, output: Literal["json", "console"] | None) -> Logger:
    """Set up logging for this process and return the logger. `output` None means: as stderr asks for."""
    console = sys.stderr.isatty() if output is None else output == "console"
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if console
        else structlog.processors.JSONRenderer(default=str)
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    route_library_logs(shared, renderer)
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logger: Logger = structlog.get_logger()
    return logger


def route_library_logs(shared: list[structlog.typing.Processor], renderer: structlog.typing.Processor) -> None:
    """Warnings and errors of the libraries come out in the same form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # It warns of each request that is none: whoever sends garbage would fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
