"""Structured logs: a line for each event, to stderr, and the catalogue of events."""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal

import structlog

from listener import texts


class Event(StrEnum):
    """Every logged event. The text beside each goes into the documentation."""

    doc: str

    def __new__(cls, value: str, doc: str) -> "Event":
        member = str.__new__(cls, value)
        member._value_ = value
        member.doc = doc
        return member

    STARTING = "starting", "the daemon starts: version, where it connects to, where it serves HTTP"
    START_FAILED = (
        "start_failed",
        "the daemon cannot start: `error` says what to do, `exit_status` is what it ends with",
    )
    CONNECTION_UNVERIFIED = (
        "connection_unverified",
        "other machines (`hosts`) need not prove who they are (`sslmode`): `problem`; `mend` is the line that mends it",
    )
    PARAMETERS_IGNORED = (
        "parameters_ignored",
        "`parameters` of the database URL are for other programs, and change nothing here",
    )
    CONNECTED = "connected", "the database connection works; after an outage with `outage_seconds` and `attempts`"
    CONNECTION_LOST = "connection_lost", "the connection failed, or cannot be made: `error` says why; once an outage"
    LEADER_ACQUIRED = "leader_acquired", "this daemon leads now"
    STANDING_BY = "standing_by", "another daemon leads; this one waits for its turn"
    LEAD_GIVEN_BACK = (
        "lead_given_back",
        "of a fleet that shares its schools: this process leads more than its part, and a standby takes this one",
    )
    LEADER_DEPOSED = "leader_deposed", "the leader was silent for three heartbeats and was disconnected"
    LEADER_PASSED_OVER = (
        "leader_passed_over",
        (
            "the leader was silent for three heartbeats, and this role may not disconnect it: `pid`, `role`; a deputy "
            "leads until it is heard again"
        ),
    )
    LOCK_SQUATTED = (
        "lock_squatted",
        (
            "a session that is no daemon holds a `lock` (leader: a deputy leads; bell: nobody rings): `pid` or "
            "`prepared`, `role`, `application_name`; `mend` ends it; once each"
        ),
    )
    LEADERSHIP_LOST = "leadership_lost", "another daemon wrote the checkpoint first; nothing was applied here"
    HEARTBEAT_MISSED = "heartbeat_missed", "the heartbeat did not come back in time; the connection is given up"
    STUDENT_ENROLLED = (
        "student_enrolled",
        "a student was enrolled (with `observing`: would be): `profile_id`, `course_id`",
    )
    STUDENTS_ENROLLED = "students_enrolled", "many students were enrolled in one second: `count`, no names"
    STUDENT_RETURNED = (
        "student_returned",
        "a student whose enrollment was taken back has it again: `profile_id`, `course_id`",
    )
    STUDENTS_RETURNED = "students_returned", "many students returned in one second: `count`"
    STUDENT_LEFT = (
        "student_left",
        "an unwanted enrollment was taken back: `profile_id`, `course_id`, `how` (suspended or removed)",
    )
    STUDENTS_LEFT = "students_left", "many enrollments were taken back in one second: `count`, `how`"
    ENROLLMENT_HELD = (
        "enrollment_held",
        "an unwanted enrollment is not taken back, for the brake holds it: `profile_id`, `course_id`",
    )
    ENROLLMENTS_HELD = "enrollments_held", "the brake held many enrollments in one second: `count`"
    COURSE_COUNT_MOVED = "course_count_moved", "a course's count was moved by `delta`: `course_id`"
    COURSE_COUNTS_MOVED = "course_counts_moved", "many counts were moved in one second: `count`"
    NO_SPANS = "no_spans", "a variable names a collector of OpenTelemetry, which is not installed: `mend`"
    BATCH_APPLIED = "batch_applied", "a consumer handled a batch (debug): `changes`, `milliseconds`"
    STUDENT_PENDING = (
        "student_pending",
        (
            "a student could not be enrolled yet: `profile_id`, `course_id`, `reason`, `error`; with `pid`, `role`, "
            "`query` of the session that holds the course, if it is `course_locked`"
        ),
    )
    STUDENTS_PENDING = "students_pending", "many students could not be enrolled in one second: `count`, one `error`"
    REACTION_FAILED = "reaction_failed", "a batch failed and is tried again, one by one: `error`"
    BATCH_CUT = (
        "batch_cut",
        "a batch of `consumer` with up to `changes` took too long and was ended: it is tried again with fewer",
    )
    SAMPLE_FAILED = "sample_failed", "figures for the metrics could not be read: `error`; once an outage"
    SAMPLE_RECOVERED = "sample_recovered", "figures for the metrics can be read again"
    POLLING = "polling", "writers cannot ring: `reason`; the daemon looks for changes on a timer"
    RINGING = "ringing", "writers can ring again: the queue of notifications is not full any more"
    LANE_CLOSED = (
        "lane_closed",
        "what is fresh cannot be handled ahead of the backlog of `consumer`, and waits for its turn: `error`",
    )
    REACTION_BLOCKED = (
        "reaction_blocked",
        "batches of `consumer` fail as a whole: `error`; other reactions go on; told once",
    )
    REACTION_RECOVERED = "reaction_recovered", "the batch that failed as a whole was handled: `consumer`"
    STUDENTS_MISSED = (
        "students_missed",
        "`count` students have neither enrollment nor note: `listener sync` enrolls them",
    )
    WANTED_MISSING = (
        "wanted_missing",
        "two audits in a row missed `count` enrollments that nothing waits for; told once",
    )
    AUDITED = "audited", "the tables were audited: `students`, `missing`, `drifted`, `milliseconds`"
    LOOKED_AFTER = "looked_after", "the audit noted `students` for changes that no trigger sees under this rule"
    ROUTE_MISSED = (
        "route_missed",
        "the audit noted `students` of whom no note had told: by one of `tables`, as far as is known",
    )
    AUDIT_FAILED = "audit_failed", "the audit could not be done: `error`"
    FORGOTTEN = "forgotten", "`students` whom the LMS has deleted long enough ago (`LISTENER_FORGET_DAYS`)"
    DRIFT_REPAIRED = "drift_repaired", "a count was off, and was repaired: `course_id`, `count_column`, `drift`"
    MAPPING_FOLLOWED = "mapping_followed", "a migration renamed or moved mapped things: `changes`"
    MAPPING_BROKEN = (
        "mapping_broken",
        "a migration took mapped things away: `problems`, helpful `settings`; sign-ups and notes go on",
    )
    MAPPING_MENDED = "mapping_mended", "what is mapped can be read again"
    MADE_GOOD = "made_good", "blind notes were made good: `students` noted again, `counts` repaired"
    TRIGGERS_CAME_BACK = (
        "triggers_came_back",
        "`triggers` of the LMS's enroll or count again: `listener install --take-over`",
    )
    DRIFT_RETURNS = "drift_returns", "`count` counts were off again at the next audit, moved by others; told once"
    DATABASE_RESTORED = "database_restored", "the database is a copy: the feed starts over, `students` are noted again"
    PAUSED = "paused", "a reaction is paused: `consumer`, `since`, `by`, `reason`; its notes wait"
    RESUMED = "resumed", "a reaction that was paused goes on: `consumer`"
    REACTIONS_LOADED = "reactions_loaded", "installed reactions have changed: `reactions` run beside the built-in ones"
    LOG_LINES_DROPPED = (
        "log_lines_dropped",
        "`count` lines of this log are missing since the start: nobody read it, or the disk was full",
    )
    OUTAGE_LASTS = (
        "outage_lasts",
        "the server is there by now, and refuses the daemon: `error`; once an outage for each reason",
    )
    NOT_READY = "not_ready", "the daemon cannot work with this database: `error` says what to do"
    SCHOOL_ADDED = "school_added", "of a fleet: the file of a school is there, and it is served from now on"
    SCHOOL_CHANGED = "school_changed", "of a fleet: the file of a school has changed, and it begins again by that"
    SCHOOL_REMOVED = "school_removed", "of a fleet: the file of a school has gone, and it is served no more"
    SCHOOL_WRONG = (
        "school_wrong",
        "of a fleet: the file of a school cannot be used: `error`; a school that ran goes on as before",
    )
    SCHOOL_TWICE = (
        "school_twice",
        "of a fleet: the file of a school names the same database as that of `other`: one of them stands by for ever",
    )
    SCHOOL_BEGINS_AGAIN = (
        "school_begins_again",
        "of a fleet: an error that nobody foresaw, or a loop without progress, ended a school's daemon: `error`",
    )
    FLEET_UNREADABLE = "fleet_unreadable", "the fleet's folder cannot be read: `error`; all schools go on as before"
    FLEET_READABLE = "fleet_readable", "the fleet's folder can be read again"
    FILES_READ = (
        "files_read",
        "SIGHUP: certificate, key and password of the port are read again; with `problem` they stay as they were",
    )
    STOPPING = "stopping", "a signal was received; the statement in hand is finished first"
    STOPPED = "stopped", "the daemon has stopped"


KEYS = ("profile_id", "course_id")
"""Keys of the LMS's in a line."""

Level = Literal["debug", "info", "warning", "error"]
Logger = structlog.typing.FilteringBoundLogger


def is_json(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether the log would be JSON, also where the settings as a whole cannot be read."""
    flags = re.findall(r"(?:^|\n)--log-format(?:=|\n)(\w+)", "\n".join(arguments))
    given = flags[-1] if flags else environment.get("LISTENER_LOG_FORMAT", "")
    return given == "json" or (given != "console" and not sys.stderr.isatty())


def configure(level: Level, output: Literal["json", "console"] | None) -> Logger:
    """Set up logging for the process, to `sys.stderr`. `output` None: by whether stderr is a terminal."""
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
        processors=[*shared, structlog.processors.format_exc_info, fit if console else fit_as_json, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logger: Logger = structlog.get_logger()
    return logger


def fit(_logger: Any, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The line with foreign texts made safe: errors, names, reasons."""
    exception = line.pop("exception", None)
    fitting: dict[str, Any] = texts.fit_to_log(line)
    if exception is not None:
        fitting["exception"] = texts.traceback_fit_to_log(str(exception))
    return fitting


def fit_as_json(logger: Any, method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The same, but keys are as in the tables, unless too long: JSON escapes control characters, and people look keys
    up."""
    keys = {name: value for name, value in line.items() if name in KEYS and isinstance(value, str)}
    fitting = fit(logger, method, line)
    fitting.update({name: texts.cut(value) for name, value in keys.items()})
    return fitting


def route_library_logs(shared: list[structlog.typing.Processor], renderer: structlog.typing.Processor) -> None:
    """Warnings and errors of libraries take the same form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                fit,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # uvicorn warns of each malformed request: garbage would fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def concerns_somebody(record: logging.LogRecord) -> bool:
    """False for what the driver leaves behind where an attempt to connect is given up halfway."""
    return "unexpected connection_lost() call" not in record.getMessage()
