"""The plan of `sync`, from a diagnosis."""

from collections.abc import Iterator
from dataclasses import dataclass

from listener.inspection import structure
from listener.inspection.checks import STRUCTURE, SYNC
from listener.inspection.diagnosis import Diagnosis, Finding
from listener.inspection.preview import Preview
from listener.inspection.structure import Step
from listener.mapping.mapping import Mapping
from listener.numerals import counted
from listener.repair.restructure import DUPLICATES, MOVED

CHANGE = {
    "foreign_key_not_valid": "validate a foreign key",
    "foreign_key_missing": "add the foreign key {}",
    "foreign_key_wrong_table": "put another foreign key in the place of one",
    "foreign_key_without_cascade": "let a foreign key cascade",
    "unique_pair_missing": "add the unique key {}",
    "index_missing": "add the index {}",
}
"""Words for a step, by the finding's code."""

FIRST = ("not_installed", "mapping_broken")
"""Findings that keep `sync` from doing anything."""

SETTLE = "bring everybody where the query of LISTENER_WANTED_QUERY wants them"

NOTED = "feed_lag"
"""Waiting notes are handled by `sync` if there is no daemon."""


@dataclass(frozen=True)
class Todo:
    """A thing to do."""

    what: str
    examples: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()


def would_do(diagnosis: Diagnosis, mapping: Mapping, *, with_structure: bool) -> list[Todo]:
    """In order: rows in a key's way, keys and indexes, waiting notes, students, counts."""
    todos = would_change(diagnosis) if with_structure else []
    found = {finding.code: finding for finding in diagnosis.findings}
    if NOTED in found:
        todos.append(Todo("handle what is noted and waits for a daemon", shown_examples(found[NOTED])))
    if diagnosis.preview is not None:
        todos += _settling(diagnosis.preview, by_query=mapping.wanted_query is not None)
    if "counts_off" in found:
        counts = found["counts_off"]
        todos.append(Todo(f"repair {counted(counts.affected, 'count')}", shown_examples(counts)))
    return todos


def would_change(diagnosis: Diagnosis) -> list[Todo]:
    """Steps of `--structure`, with statements."""
    rows = {finding.code: finding for finding in diagnosis.advice}
    todos: list[Todo] = []
    for step in structure.wanted(diagnosis.steps):
        todos += [_moving(rows.pop(code)) for code in step.rows if code in rows]
        todos.append(_changing(step))
    return todos


def first(diagnosis: Diagnosis) -> list[Finding]:
    """Findings to mend before `sync` does anything."""
    is_installed = all(each.code != "not_installed" for each in diagnosis.findings)
    stops = FIRST if is_installed else (*FIRST, "triggers_doubled")  # `install` refuses beside doubled triggers
    return [each for each in diagnosis.findings if each.code in stops]


def left(diagnosis: Diagnosis, *, with_structure: bool) -> list[Finding]:
    """Findings that `sync` would not mend."""
    mended = (SYNC, STRUCTURE) if with_structure else (SYNC,)
    others = [each for each in diagnosis.findings if each not in first(diagnosis)]
    return [each for each in others if each.mend not in mended and each.code != NOTED]


def shown_examples(finding: Finding) -> tuple[str, ...]:
    return (*finding.examples, *(["and more"] if finding.has_more else ()))


def _moving(finding: Finding) -> Todo:
    rows = counted(finding.affected, *MOVED[finding.code])
    remark = ", keeping one of each" if finding.code == DUPLICATES else ""
    return Todo(f"move {rows} to listener.quarantine{remark}", shown_examples(finding))


def _changing(step: Step) -> Todo:
    what = f"{CHANGE[step.code].format(step.name)}: {step.detail}"
    return Todo(what, statements=tuple(f"{each};" for stage in step.online for each in stage))


def _settling(preview: Preview, *, by_query: bool) -> Iterator[Todo]:
    """Pending students are left to the daemon."""
    to_do = sum(each.affected - each.waiting for each in preview.movements)
    if not to_do:
        return
    enroll = f"enroll {counted(to_do, 'student')}"
    yield Todo(f"{SETTLE}: {preview.numbers()}" if by_query else enroll, tuple(preview.by_course()))
