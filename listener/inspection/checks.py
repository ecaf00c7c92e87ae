"""Questions of `diagnose` to the database, and words for the answers."""

from dataclasses import dataclass

from listener.instruments.problem_kinds import Severity

SYNC = "listener sync"
STRUCTURE = "listener sync --structure"
INSTALL = "listener install"


@dataclass(frozen=True)
class Check:
    """A query that returns the number of affected rows, and examples."""

    code: str
    severity: Severity
    one: str
    """The singular; empty if nothing is counted."""
    what: str
    """The plural."""
    mend: str
    query: tuple[str, str] | None = None
    """The file in `sql/` and the section there; None: the section of `inspection/findings` named like the code."""


MISSING = ("inspection/findings", "wanted_missing")
"""Beside live sign-ups: a student with a note is not missing."""
NOT_ENROLLED = ("inspection/findings", "wanted_not_enrolled")
"""Before anything is installed."""
WITHOUT_ENROLLMENT = Check(
    "students_without_enrollment", "error", "student has no enrollment", "students have no enrollment", SYNC, MISSING
)
"""Where the rule is about new students alone."""
WANTED_MISSING = Check(
    "wanted_missing",
    "error",
    "enrollment is wanted and not there",
    "enrollments are wanted and not there",
    SYNC,
    MISSING,
)
UNWANTED = Check(
    "unwanted_enrollments",
    "error",
    "enrollment that the listener made is not wanted any more, and still there",
    "enrollments that the listener made are not wanted any more, and still there",
    SYNC,
)
COUNTS_OFF = Check("counts_off", "error", "count is off", "counts are off", SYNC)
RULE_FAILS = Check(
    "rule_fails",
    "error",
    "profile makes the rule fail, and is not treated",
    "profiles make the rule fail, and are not treated",
    "correct the row, or the rule; `listener pending` follows",
)
INSTALLED = (
    Check("counts_drifted", "error", "count is off", "counts are off", SYNC),
    Check("feed_lag", "error", "", "changes wait for a daemon", "listener run"),
    Check(
        "locks_squatted",
        "warning",
        "lock of the listener's is held by somebody who is no daemon; the work goes on without it",
        "locks of the listener's are held by somebody who is no daemon; the work goes on without them",
        "revoke connect on database DATABASE from ROLE, then the statement above",
    ),
    Check("paused", "warning", "reaction is paused", "reactions are paused", "listener resume NAME"),
    Check(
        "students_pending",
        "warning",
        "student could not be enrolled yet",
        "students could not be enrolled yet",
        "listener pending",
    ),
)
REFUSED = Check(
    "students_refused",
    "error",
    "student cannot be enrolled: the foreign key refers to a table that student is not in",
    "students cannot be enrolled: the foreign key refers to a table they are not in",
    STRUCTURE,
)
CODES = {
    "counts_drifted": "counts_off",
    "students_refused": "foreign_key_wrong_table",
}
"""The codes for people, whether something is installed or not."""
KEYS_TOO_LONG = Check(
    "keys_too_long",
    "warning",
    "key is too long for an index: the audit alone counts it, and who has it is not set aside if refused",
    "keys are too long for an index: the audit alone counts them, and who has one is not set aside if refused",
    "a shorter key",
)
TRIGGERS = Check(
    "triggers_missing",
    "error",
    "trigger is missing or disabled",
    "triggers are missing or disabled",
    INSTALL,
    ("catalogue/installation", "triggers_missing"),
)
ORPHANS = ("inspection/findings", "orphans")
IN_THE_WAY = {
    each.code: each
    for each in (
        Check(
            "enrollments_of_nobody",
            "warning",
            "enrollment refers to a profile that is not there",
            "enrollments refer to a profile that is not there",
            STRUCTURE,
            ORPHANS,
        ),
        Check(
            "enrollments_of_no_course",
            "warning",
            "enrollment refers to a course that is not there",
            "enrollments refer to a course that is not there",
            STRUCTURE,
            ORPHANS,
        ),
        Check("duplicate_enrollments", "warning", "enrollment is doubled", "enrollments are doubled", STRUCTURE),
    )
}
"""Rows that a missing key would not allow."""
