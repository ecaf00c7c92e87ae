"""What `sync` would do about what `diagnose` found, as a plan that people read."""

from collections.abc import Iterator
from dataclasses import dataclass

from listener.adapter.mapping import Mapping
from listener.adapter.preview import Preview
from listener.repair import structure
from listener.repair.checks import STRUCTURE, SYNC
from listener.repair.diagnosis import Diagnosis, Finding
from listener.repair.restructure import DUPLICATES, MOVED
from listener.repair.structure import Step
from listener.wording import counted

CHANGE = {
    "foreign_key_not_valid": "validate a foreign key",
    "foreign_key_missing": "add the foreign key {}",
    "foreign_key_wrong_table": "put another foreign key in the place of one",
    "foreign_key_without_cascade": "let a foreign key cascade",
    "unique_pair_missing": "add the unique key {}",
    "index_missing": "add the index {}",
}
"""What is done about a key or an index, by the finding's code."""

FIRST = ("not_installed", "mapping_broken")
"""Findings that keep `sync` from doing anything."""

SETTLE = "bring everybody where the query of LISTENER_WANTED_QUERY wants them"

NOTED = "feed_lag"
"""What waits for a daemon is handled by `sync`, too, if there is none."""


@dataclass(frozen=True)
class Todo:
    """Something that would be done."""

    what: str
    examples: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    """Those that do it, if people should see them."""


def would_do(diagnosis: Diagnosis, mapping: Mapping, *, with_structure: bool) -> list[Todo]:
    """What `sync` would do, in its order: rows that stand in a key's way, keys and indexes, what is noted already,
    students, counts."""
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
    """What `--structure` would do, each thing with its statements."""
    rows = {finding.code: finding for finding in diagnosis.advice}
    todos: list[Todo] = []
    for step in structure.wanted(diagnosis.steps):
        todos += [_moving(rows.pop(code)) for code in step.rows if code in rows]
        todos.append(_changing(step))
    return todos


def first(diagnosis: Diagnosis) -> list[Finding]:
    """What has to be mended before `sync` does anything."""
    is_installed = all(each.code != "not_installed" for each in diagnosis.findings)
    stops = FIRST if is_installed else (*FIRST, "triggers_doubled")  # `install` refuses beside these
    return [each for each in diagnosis.findings if each.code in stops]


def left(diagnosis: Diagnosis, *, with_structure: bool) -> list[Finding]:
    """Other findings that `sync` would not mend."""
    mended = (SYNC, STRUCTURE) if with_structure else (SYNC,)
    others = [each for each in diagnosis.findings if each not in first(diagnosis)]
    return [each for each in others if each.mend not in mended and each.code != NOTED]


def shown_examples(finding: Finding) -> tuple[str, ...]:
    """A finding's examples, and whether there are more."""
    return (*finding.examples, *(["and more"] if finding.has_more else ()))


def _moving(finding: Finding) -> Todo:
    rows = counted(finding.affected, *MOVED[finding.code])
    remark = ", keeping one of each" if finding.code == DUPLICATES else ""
    return Todo(f"move {rows} to listener.quarantine{remark}", shown_examples(finding))


def _changing(step: Step) -> Todo:
    what = f"{CHANGE[step.code].format(step.name)}: {step.detail}"
    return Todo(what, statements=tuple(f"{each};" for stage in step.online for each in stage))


def _settling(preview: Preview, *, by_query: bool) -> Iterator[Todo]:
    """Those who are set aside are left to the daemon."""
    to_do = sum(each.affected - each.waiting for each in preview.movements)
    if not to_do:
        return
    enroll = f"enroll {counted(to_do, 'student')}"
    yield Todo(f"{SETTLE}: {preview.numbers()}" if by_query else enroll, tuple(preview.by_course()))
