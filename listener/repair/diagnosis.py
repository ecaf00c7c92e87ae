"""Looks for all that is not as it should be; changes nothing.

Findings stop or spoil the listener's work. Advice is about the LMS's keys and indexes, which are the LMS's affair.
"""

import json
import shlex
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from listener import sql
from listener.adapter import preview as previewing
from listener.adapter import rendering, rights, takeover
from listener.adapter.install import Installation
from listener.adapter.mapping import Mapping, column
from listener.adapter.preview import Preview
from listener.adapter.problems import describe
from listener.connection import Connection
from listener.errors import Blinded, MayNot
from listener.lock_watch import reading_whole_tables
from listener.patience import patiently
from listener.repair import keys, structure
from listener.repair.checks import (
    CODES,
    COUNTS_OFF,
    IN_THE_WAY,
    INSTALL,
    INSTALLED,
    MISSED,
    NOT_ENROLLED,
    ORPHANS,
    REFUSED,
    STRUCTURE,
    TRIGGERS,
    UNWANTED,
    WANTED_MISSING,
    WITHOUT_ENROLLMENT,
    Check,
    Severity,
)
from listener.repair.structure import Step
from listener.wording import counted

EXAMPLES = 5
"""How many a finding of many shows."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    code: str
    severity: Severity
    affected: int
    what: str
    """Said of several; or, if nothing is counted, as it is."""
    examples: tuple[str, ...]
    mend: str
    one: str = ""
    """The same said of one; empty if nothing is counted."""

    def __str__(self) -> str:
        """With the number, as people say it."""
        return counted(self.affected, self.one, self.what) if self.one else self.what

    @property
    def has_more(self) -> bool:
        """Whether the examples are only the first ones."""
        return len(self.examples) == EXAMPLES < self.affected

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {name: value for name, value in asdict(self).items() if name != "one"}


@dataclass(frozen=True)
class Diagnosis:
    """All that was found."""

    findings: tuple[Finding, ...]
    """What stops or spoils the listener's work, the gravest first."""
    advice: tuple[Finding, ...]
    """What could be better about keys and indexes, and the rows that stand in their way."""
    steps: tuple[Step, ...]
    """What would be done about keys and indexes."""
    preview: Preview | None = None
    """Who would join, leave and come back, if that was asked for."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "findings": [each.to_dict() for each in self.findings],
            "advice": [each.to_dict() for each in self.advice],
        }


async def diagnose(
    connection: Connection,
    mapping: Mapping,
    installed: Installation | None,
    url: str | None,
    cascade: tuple[str, ...] = (),
    *,
    foretell: bool = False,
) -> Diagnosis:
    """Look at everything, in one snapshot, so that the figures agree with each other. It starts over if a migration
    waits for it, seen over a second connection to `url`. `cascade` names foreign keys that shall cascade. With
    `foretell` it says who would join, leave and come back, too.

    Raises Busy, UnknownForeignKey, and WrongSetting if a query of who should be where fails."""
    with previewing.answering(mapping):
        return await patiently(lambda: _diagnose(connection, mapping, installed, url, cascade, foretell=foretell))


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
        # Install makes the index that it needs.
        steps = [step for step in steps if step.code != "index_missing" or not step.needed]
    by_query = mapping.wanted_query is not None
    async with reading_whole_tables(connection, url, isolation="repeatable_read", readonly=True, by_query=by_query):
        before = previewing.placeholders(mapping, None) if installed is None else {}
        found = [await _run(connection, mapping, check, values=before) for check in _checks(mapping, installed)]
        preview = await _preview(connection, mapping, installed) if foretell else None
        if installed is not None:
            found.append(await _run(connection, mapping, TRIGGERS, *mapping.triggers))
        rows = dict.fromkeys(code for step in structure.wanted(steps) for code in step.rows)
        in_the_way = [await _run(connection, mapping, IN_THE_WAY[code], values=_values(mapping, code)) for code in rows]
        refused = [
            await _run(connection, mapping, REFUSED, values={"referred_table": str(table), "referred_key": column(key)})
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
    ]
    return Diagnosis(
        tuple(sorted(findings, key=lambda each: each.severity != "error")), tuple(advice), tuple(steps), preview
    )


async def _preview(connection: Connection, mapping: Mapping, installed: Installation | None) -> Preview | None:
    """None where nobody is enrolled by us."""
    if not mapping.enrolls or mapping.observes:
        return None
    if installed is None:
        return await previewing.look(connection, mapping, None)
    return await previewing.look_at_installed(connection, mapping)


def _checks(mapping: Mapping, installed: Installation | None) -> Iterable[Check]:
    if mapping.enrolls and not mapping.observes:
        if mapping.wanted_query is None:
            yield WITHOUT_ENROLLMENT if installed is None else MISSED
        else:
            yield NOT_ENROLLED if installed is None else WANTED_MISSING
        if mapping.on_leave != "keep" and installed is not None:
            yield UNWANTED
    if installed is not None:
        yield from INSTALLED
    elif mapping.counts_in_courses:
        yield COUNTS_OFF


def _values(mapping: Mapping, code: str) -> dict[str, str]:
    return structure.reference(mapping, code) if IN_THE_WAY[code].query == ORPHANS else {}


async def _run(
    connection: Connection, mapping: Mapping, check: Check, *args: object, values: dict[str, str] | None = None
) -> Finding | None:
    query = sql.read(check.query or f"repair/findings/{check.code}")
    text = sql.render(query, rendering.placeholders(mapping) | (values or {}))
    row = await connection.fetchrow(text, *args)
    assert row is not None
    if not row["affected"]:
        return None
    code = CODES.get(check.code, check.code)
    return Finding(code, check.severity, row["affected"], check.what, tuple(row["examples"]), check.mend, check.one)


def _described(step: Step) -> Finding:
    mend = f"{STRUCTURE} --cascade {shlex.quote(step.name)}" if step.by_name else STRUCTURE
    return Finding(step.code, "warning", 1, step.what, (step.detail,), mend)


async def broken(connection: Connection) -> list[Finding]:
    """What a migration took away that cannot be done without: nothing else can be looked at, or mended, then."""
    found = json.loads(await connection.fetchval(sql.read("adapter/problems")))
    problems = [each for each in found if each["setting"]]  # without one it is about triggers, a finding of their own
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
