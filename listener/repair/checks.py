"""What `diagnose` asks the database for, and what it says of the answers."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]

SYNC = "listener sync"
STRUCTURE = "listener sync --structure"
INSTALL = "listener install"


@dataclass(frozen=True)
class Check:
    """A query that returns how many are affected, and examples."""

    code: str
    severity: Severity
    one: str
    """What is said of one; empty if they are not counted."""
    what: str
    """What is said of several."""
    mend: str
    query: str = ""
    """Its file in `sql/`, if it is not the one in `repair/findings` that is called like the code."""


WITHOUT_ENROLLMENT = Check(
    "students_without_enrollment", "error", "student has no enrollment", "students have no enrollment", SYNC
)
MISSED = Check("students_missed", "error", "student has no enrollment", "students have no enrollment", SYNC)
"""Beside live sign-ups: who is noted is not missed."""
NOT_ENROLLED = Check(
    "wanted_not_enrolled", "error", "enrollment is wanted and not there", "enrollments are wanted and not there", SYNC
)
WANTED_MISSING = Check(
    "wanted_missing", "error", "enrollment is wanted and not there", "enrollments are wanted and not there", SYNC
)
"""Beside live sign-ups, under a query: who is noted is not missed."""
UNWANTED = Check(
    "unwanted_enrollments",
    "error",
    "enrollment that the listener made is not wanted any more, and still there",
    "enrollments that the listener made are not wanted any more, and still there",
    SYNC,
)
COUNTS_OFF = Check("counts_off", "error", "count is off", "counts are off", SYNC)
INSTALLED = (
    Check("counts_drifted", "error", "count is off", "counts are off", SYNC),
    Check("feed_lag", "error", "", "changes wait for a daemon", "listener run"),
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
    "students_missed": "students_without_enrollment",
    "wanted_not_enrolled": "wanted_missing",
    "counts_drifted": "counts_off",
    "students_refused": "foreign_key_wrong_table",
}
"""What people know them by, whether something is installed or not."""
TRIGGERS = Check(
    "triggers_missing",
    "error",
    "trigger is missing or disabled",
    "triggers are missing or disabled",
    INSTALL,
    "adapter/catalogue/triggers_missing",
)
ORPHANS = "repair/findings/orphans"
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
