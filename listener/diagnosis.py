"""Looks for all that is not as it should be; changes nothing."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from listener import rendering, rights, sql, structure, takeover
from listener.catalogue import Catalogue
from listener.connection import Connection
from listener.errors import Blinded, MayNot
from listener.install import Installation
from listener.mapping import Mapping

Severity = Literal["error", "warning"]

SYNC = "listener sync"
INSTALL = "listener install"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    code: str
    severity: Severity
    affected: int
    what: str
    examples: tuple[str, ...]
    mend: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Check:
    """A query in `audit/findings` that returns how many are affected, and examples."""

    code: str
    severity: Severity
    what: str
    mend: str


ROWS = (
    Check("students_without_enrollment", "error", "students have no enrollment", SYNC),
    Check("enrollments_of_nobody", "error", "enrollments refer to a profile that is not there", SYNC),
    Check("enrollments_of_no_course", "error", "enrollments refer to a course that is not there", SYNC),
    Check("duplicate_enrollments", "error", "enrollments are doubled", SYNC),
)
COUNTS_OFF = Check("counts_off", "error", "counts are off", SYNC)
INSTALLED = (
    Check("counts_drifted", "error", "counts are off", SYNC),
    Check("feed_lag", "error", "changes wait for a daemon", "listener run"),
    Check("students_pending", "warning", "students could not be enrolled yet", "listener pending"),
)
TRIGGERS = Check("triggers_missing", "error", "triggers are missing or disabled", INSTALL)


async def diagnose(connection: Connection, mapping: Mapping, installed: Installation | None) -> list[Finding]:
    """Every finding, the gravest first. One snapshot, so that the figures agree with each other."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(sql.read("audit/whole_tables"))
        findings = [await _run(connection, mapping, check) for check in _checks(mapping, installed)]
        if installed is not None:
            findings.append(await _run(connection, mapping, TRIGGERS, *mapping.triggers))
    findings += await _structure(connection, mapping)
    findings += await _triggers(connection, mapping)
    findings += await _rights(connection, mapping, installed)
    found = [finding for finding in findings if finding is not None]
    return sorted(found, key=lambda each: each.severity != "error")


def _checks(mapping: Mapping, installed: Installation | None) -> Iterable[Check]:
    rows = ROWS if mapping.enrolls and not mapping.observes else ROWS[1:]
    if installed is not None:
        return [*rows, *INSTALLED]
    return [*rows, COUNTS_OFF] if mapping.counts_in_courses else rows


async def _run(connection: Connection, mapping: Mapping, check: Check, *args: object) -> Finding | None:
    text = sql.render(sql.read(f"audit/findings/{check.code}"), rendering.placeholders(mapping))
    row = await connection.fetchrow(text, *args)
    assert row is not None
    if not row["affected"]:
        return None
    code = "counts_off" if check.code == "counts_drifted" else check.code
    return Finding(code, check.severity, row["affected"], check.what, tuple(row["examples"]), check.mend)


async def _structure(connection: Connection, mapping: Mapping) -> list[Finding]:
    steps = structure.missing(await Catalogue.load(connection), mapping)
    return [Finding(step.code, step.severity, 1, step.what, (step.detail,), SYNC) for step in steps]


async def _triggers(connection: Connection, mapping: Mapping) -> list[Finding]:
    enabled = [each for each in await takeover.existing(connection, mapping) if each.is_enabled]
    if not enabled:
        return []
    what = "triggers of the LMS's own do the same work"
    examples = tuple(map(str, enabled))
    return [Finding("triggers_doubled", "error", len(enabled), what, examples, f"{INSTALL} --take-over")]


async def _rights(connection: Connection, mapping: Mapping, installed: Installation | None) -> list[Finding]:
    if installed is None:
        what = "schema listener is not installed"
        return [Finding("not_installed", "error", 1, what, (), INSTALL)]
    try:
        await rights.check_runtime(connection)
        await rights.check_views(connection, mapping)
    except (MayNot, Blinded) as error:
        return [
            Finding("rights_missing", "error", 1, "the daemon could not work under this role", (str(error),), INSTALL)
        ]
    return []
