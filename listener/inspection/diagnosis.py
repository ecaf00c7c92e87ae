"""Looks for problems; changes nothing.

Findings stop or spoil the listener's work. Advice is about the LMS's keys and indexes, which are the LMS's affair.
"""

import shlex
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from listener import sql
from listener.catalogue import keys, open_schemas, rights, takeover
from listener.catalogue.installation import Installation
from listener.catalogue.problems import describe, look
from listener.database.connection import Connection
from listener.database.lock_watch import reading_whole_tables
from listener.database.patience import patiently
from listener.database.rows import only_row
from listener.errors import Blinded, MayNot
from listener.inspection import checks, structure
from listener.inspection import preview as previewing
from listener.inspection.checks import INSTALL, STRUCTURE, Check
from listener.inspection.preview import Preview
from listener.inspection.rule_failure import answering
from listener.inspection.structure import Step
from listener.instruments.problem_kinds import Severity
from listener.instruments.problems import Problem
from listener.mapping import long_keys, rendering
from listener.mapping.mapping import Mapping, column
from listener.numerals import counted

EXAMPLES = 5


@dataclass(frozen=True)
class Finding:
    code: str
    severity: Severity
    affected: int
    what: str
    """In the plural; or the only text, if nothing is counted."""
    examples: tuple[str, ...]
    mend: str
    one: str = ""
    """The same in the singular; empty if nothing is counted."""
    since: str | None = None
    do: str = ""
    """The advice in words, where the command alone does not say enough."""

    @classmethod
    def of(cls, problem: Problem) -> "Finding":
        kind = problem.kind
        since = None if problem.moment is None else problem.moment.isoformat(timespec="seconds")
        return cls(
            problem.code,
            problem.severity,
            problem.affected,
            kind.what,
            problem.examples,
            kind.mend,
            kind.one,
            since,
            kind.do,
        )

    def __str__(self) -> str:
        return counted(self.affected, self.one, self.what) if self.one else self.what

    @property
    def has_more(self) -> bool:
        return len(self.examples) == EXAMPLES < self.affected

    def to_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "one"}


@dataclass(frozen=True)
class Diagnosis:
    findings: tuple[Finding, ...]
    """Problems of the listener's work, errors first."""
    advice: tuple[Finding, ...]
    """Improvements of keys and indexes, and rows in the way."""
    steps: tuple[Step, ...]
    preview: Preview | None = None
    """Students that would join, leave and come back, if that was asked for."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "findings": [each.to_dict() for each in self.findings],
            "advice": [each.to_dict() for each in self.advice],
        }


REFUSED = ("students_refused", "course_locked")
"""Problems that name waiting students."""


def with_problems(diagnosis: Diagnosis, problems: Iterable[Problem]) -> Diagnosis:
    """The list of problems, joined with the other findings, errors first."""
    listed = [Finding.of(each) for each in problems]
    codes = {each.code for each in listed}
    refused = sum(each.affected for each in listed if each.code in REFUSED)
    others = [
        each
        for each in diagnosis.findings
        if each.code not in codes and not (each.code == "students_pending" and each.affected <= refused)
    ]
    return replace(diagnosis, findings=tuple(sorted([*listed, *others], key=lambda each: each.severity != "error")))


async def diagnose(
    connection: Connection,
    mapping: Mapping,
    installed: Installation | None,
    url: str | None,
    cascade: tuple[str, ...] = (),
    *,
    foretell: bool = False,
) -> Diagnosis:
    """Look at all rows in a single snapshot, so that figures agree. Starts over if a migration waits for the look, seen
    over a second connection to `url`. `cascade` names foreign keys that are to cascade. `foretell` adds a preview.
    Raises Busy, UnknownForeignKey, and WrongSetting if the rule's query fails."""
    async with answering(connection, mapping):
        return await patiently(
            lambda: _diagnose(connection, mapping, installed, url, cascade, foretell=foretell), looks=True
        )


async def _diagnose(
    connection: Connection,
    mapping: Mapping,
    installed: Installation | None,
    url: str | None,
    cascade: tuple[str, ...],
    *,
    foretell: bool,
) -> Diagnosis:
    gone = await broken(connection) if installed is not None else []
    if gone:
        findings = [*gone, *await _triggers(connection, mapping), *await _rights(connection, mapping, installed)]
        return Diagnosis(tuple(findings), (), ())
    steps = structure.missing(await keys.look(connection, mapping), cascade)
    if installed is None:
        # `install` makes the needed index.
        steps = [step for step in steps if step.code != "index_missing" or not step.needed]
    run = partial(_run, connection, mapping)
    limits = rendering.joins(mapping)
    async with reading_whole_tables(connection, url, isolation="repeatable_read", readonly=True, limits=limits):
        before = previewing.placeholders(mapping, None) if installed is None else {}
        found = [await run(check, values=before) for check in _checks(mapping, installed)]
        preview = await _preview(connection, mapping, installed) if foretell else None
        if installed is not None:
            found.append(await run(checks.TRIGGERS, *mapping.triggers))
        rows = dict.fromkeys(code for step in structure.wanted(steps) for code in step.rows)
        in_the_way = [await run(checks.IN_THE_WAY[code], values=_values(mapping, code)) for code in rows]
        refused = [
            await _run(
                connection, mapping, checks.REFUSED, values={"referred_table": str(table), "referred_key": column(key)}
            )
            for table, key in (step.refuses for step in steps if step.refuses is not None)
        ]
    found += refused
    needed = [step for step in steps if step.needed and installed is not None]
    findings = [
        *(finding for finding in found if finding is not None),
        *map(_described, needed),
        *await _triggers(connection, mapping),
        *await _rights(connection, mapping, installed),
    ]
    advice = [
        *(finding for finding in in_the_way if finding is not None),
        *(_described(step) for step in steps if step not in needed and not (step.refuses and any(refused))),
        *(
            Finding("schema_open", "warning", 1, str(each), (each.who,), each.mend)
            for each in await open_schemas.openings(connection, mapping)
        ),
    ]
    return Diagnosis(
        tuple(sorted(findings, key=lambda each: each.severity != "error")), tuple(advice), tuple(steps), preview
    )


async def _preview(connection: Connection, mapping: Mapping, installed: Installation | None) -> Preview | None:
    """None where the listener does not enroll."""
    if not mapping.enrolls or mapping.observes:
        return None
    if installed is None:
        return await previewing.look(connection, mapping, None)
    return await previewing.look_at_installed(connection, mapping)


def _checks(mapping: Mapping, installed: Installation | None) -> Iterable[Check]:
    if mapping.enrolls and not mapping.observes:
        missing = checks.WITHOUT_ENROLLMENT if mapping.only_on_joining else checks.WANTED_MISSING
        yield replace(missing, query=checks.NOT_ENROLLED) if installed is None else missing
        if installed is not None:
            yield checks.RULE_FAILS
        if mapping.on_leave != "keep" and installed is not None:
            yield checks.UNWANTED
    if long_keys.may_be_long(mapping):
        yield checks.KEYS_TOO_LONG
    if installed is not None:
        yield from checks.INSTALLED
    elif mapping.counts_in_courses:
        yield checks.COUNTS_OFF


def _values(mapping: Mapping, code: str) -> dict[str, str]:
    return structure.reference(mapping, code) if checks.IN_THE_WAY[code].query == checks.ORPHANS else {}


async def _run(
    connection: Connection, mapping: Mapping, check: Check, *args: object, values: dict[str, str] | None = None
) -> Finding | None:
    query = sql.read(*(check.query or ("inspection/findings", check.code)))
    known = rendering.placeholders(mapping) | {"longest_key": str(long_keys.LONGEST)}
    text = sql.render(query, known | (values or {}))
    row = await only_row(connection, text, *args)
    if not row["affected"]:
        return None
    code = checks.CODES.get(check.code, check.code)
    return Finding(code, check.severity, row["affected"], check.what, tuple(row["examples"]), check.mend, check.one)


def _described(step: Step) -> Finding:
    mend = f"{STRUCTURE} --cascade {shlex.quote(step.name)}" if step.by_name else STRUCTURE
    return Finding(step.code, "warning", 1, step.what, (step.detail,), mend)


async def broken(connection: Connection) -> list[Finding]:
    """Lost tables or columns that are needed: nothing else can be looked at, or mended, then."""
    found, _ = await look(connection)
    problems = [each for each in found if each["setting"]]  # triggers, which are another finding, have no setting
    if not problems:
        return []
    what = "mapped tables or columns are gone, or cannot be what they were"
    one = "mapped table or column is gone, or cannot be what it was"
    return [Finding("mapping_broken", "error", len(problems), what, tuple(map(describe, problems)), INSTALL, one)]


async def _triggers(connection: Connection, mapping: Mapping) -> list[Finding]:
    enabled = [each for each in await takeover.existing(connection, mapping) if each.is_enabled]
    if not enabled:
        return []
    what, one = "triggers of the LMS's own do the same work", "trigger of the LMS's own does the same work"
    examples = tuple(map(str, enabled))
    return [Finding("triggers_doubled", "error", len(enabled), what, examples, f"{INSTALL} --take-over", one)]


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
