"""All problems that can be told: code, description, advice and command."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Kind:
    """Errors keep new students from a course, or make counts wrong; warnings may lead to errors."""

    code: str
    severity: Severity
    one: str
    """In the singular; empty if nothing is counted."""
    what: str
    """In the plural; or the only text, if nothing is counted."""
    do: str
    """The advice, in words."""
    mend: str
    """The command."""


INSTALL = "listener install"
RETRY = "listener pending retry"
RUN = "listener run"
REVOKE = "revoke connect on database DATABASE from ROLE, then the statement above"

_ALL = (
    Kind(
        "not_connected",
        "error",
        "",
        "this daemon is not connected to the database",
        "see that the database can be reached with the address, role and password that are set",
        "listener status",
    ),
    Kind(
        "another_version",
        "error",
        "",
        "what is installed is of another version than this program",
        "upgrade the one that is older",
        INSTALL,
    ),
    Kind(
        "deaf",
        "error",
        "",
        "the heartbeat is overdue: notifications may not arrive",
        "connect straight to the server, and see what lies between",
        "listener status",
    ),
    Kind("no_leader", "error", "", "no daemon leads", "start one", RUN),
    Kind(
        "feed_lag",
        "error",
        "",
        "changes wait for a daemon",
        "see that a daemon leads, and what holds it up",
        RUN,
    ),
    Kind(
        "mapping_broken",
        "error",
        "mapped table or column is gone, or cannot be what it was",
        "mapped tables or columns are gone, or cannot be what they were",
        "bring back what is gone, or say what is there now",
        INSTALL,
    ),
    Kind(
        "triggers_missing",
        "error",
        "trigger is missing or disabled",
        "triggers are missing or disabled",
        "enable what somebody disabled, or make it again",
        INSTALL,
    ),
    Kind(
        "replica_role",
        "error",
        "setting makes sessions fire no triggers: what they write is noted nowhere",
        "settings make sessions fire no triggers: what they write is noted nowhere",
        "take the setting back, begin these sessions again, then run `listener sync`",
        "alter database DATABASE reset session_replication_role",
    ),
    Kind(
        "everybody_refused",
        "error",
        "student was refused since somebody was last enrolled, and nobody was enrolled",
        "students were refused since somebody was last enrolled, and nobody was enrolled",
        "mend the trigger, check or key that refuses, then try again",
        RETRY,
    ),
    Kind(
        "counts_refused",
        "error",
        "course refuses to have its count moved",
        "courses refuse to have their count moved",
        "mend the trigger or check on courses that refuses, then try again",
        RETRY,
    ),
    Kind(
        "enrollments_held",
        "error",
        "enrollment is held by the brake",
        "enrollments are held by the brake",
        "see whether the rule, or what it reads, is wrong: mend that, or let them go",
        "listener release",
    ),
    Kind(
        "reaction_blocked",
        "error",
        "reaction fails, and its notes wait",
        "reactions fail, and their notes wait",
        "mend what it fails on, or pause it",
        "listener pause NAME",
    ),
    Kind(
        "audit_failing",
        "error",
        "",
        "the audit fails: counts are not repaired, and who was missed is not found",
        "mend what the error names; what is gone of the listener's own is made again",
        "listener install",
    ),
    Kind(
        "audit_overdue",
        "error",
        "",
        "the audit has not come to its end for long: counts are not repaired",
        "see what it gives way to: a backlog, or migrations",
        "listener status",
    ),
    Kind(
        "wanted_missing",
        "warning",
        "enrollment should be there, is not, and nothing waits that would make it",
        "enrollments should be there, are not, and nothing waits that would make them",
        "see if somebody writes past the triggers, then enroll whom they missed",
        "listener sync",
    ),
    Kind(
        "drift_returns",
        "error",
        "count is off at each audit, however often it is repaired",
        "counts are off at each audit, however often they are repaired",
        "see what else moves them: a trigger, a job, the app",
        "listener diagnose",
    ),
    Kind(
        "foreign_triggers",
        "warning",
        "trigger of the LMS's own enrolls or counts beside the listener",
        "triggers of the LMS's own enroll or count beside the listener",
        "disable what does the same work",
        "listener install --take-over",
    ),
    Kind(
        "route_missed",
        "warning",
        "student was not where the rule wants, and no note had told of it; the audit has noted that one",
        "students were not where the rule wants, and no notes had told of it; the audit has noted them",
        "see if somebody writes one of these tables past the triggers, or changes enrollments by hand; if nobody does, "
        "say by LISTENER_WATCH how its rows lead to profiles, and report the query",
        INSTALL,
    ),
    Kind(
        "students_refused",
        "warning",
        "student is refused by a trigger, a check or a key",
        "students are refused by a trigger, a check or a key",
        "mend that, then try again",
        RETRY,
    ),
    Kind(
        "no_course",
        "warning",
        "student waits for a course: there is none that new students may land in",
        "students wait for a course: there is none that new students may land in",
        "publish one; what is asked of it is in the rule",
        "listener rule",
    ),
    Kind(
        "course_locked",
        "warning",
        "student waits for the row of a course that somebody holds",
        "students wait for the row of a course that somebody holds",
        "end the session that holds it",
        "listener pending",
    ),
    Kind(
        "counts_locked",
        "warning",
        "count waits for the row of a course that somebody holds",
        "counts wait for the row of a course that somebody holds",
        "end the session that holds it",
        "listener status",
    ),
    Kind(
        "blind_notes",
        "warning",
        "sign-up was noted without being read, and is not made good",
        "sign-ups were noted without being read, and are not made good",
        "look at everything",
        "listener sync",
    ),
    Kind(
        "locks_squatted",
        "warning",
        "lock of the listener's is held by somebody who is no daemon; the work goes on without it",
        "locks of the listener's are held by somebody who is no daemon; the work goes on without them",
        "end that session, and keep its role out",
        REVOKE,
    ),
    Kind("paused", "warning", "reaction is paused", "reactions are paused", "let it go on", "listener resume NAME"),
    Kind(
        "polling",
        "warning",
        "",
        "writers cannot ring, so the daemon looks for changes on a timer",
        "connect straight to the server, not through a transaction pooler",
        RUN,
    ),
    Kind(
        "no_standby",
        "warning",
        "",
        "no daemon stands by, where one did: nobody takes over if the leader goes",
        "start another one",
        RUN,
    ),
)

KINDS = {each.code: each for each in _ALL}
"""By code, the worst first."""
