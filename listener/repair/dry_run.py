"""What `sync` would do about what `diagnose` found, as people read it."""

from collections.abc import Iterable
from dataclasses import dataclass

from listener.repair import structure
from listener.repair.diagnosis import Diagnosis, Finding

WOULD = {
    "students_without_enrollment": "enroll {affected} students",
    "counts_off": "repair {affected} counts: {examples}",
    "enrollments_of_nobody": "move {affected} enrollments of nobody to listener.quarantine",
    "enrollments_of_no_course": "move {affected} enrollments of no course to listener.quarantine",
    "duplicate_enrollments": "move {affected} doubled enrollments to listener.quarantine, keeping one of each",
}


@dataclass(frozen=True)
class Todo:
    """Something that would be done, and the statements that do it, if people should see them."""

    what: str
    statements: tuple[str, ...] = ()


def would_do(diagnosis: Diagnosis, *, with_structure: bool) -> list[Todo]:
    """What `sync` would do, in its order: rows that stand in a key's way, keys and indexes, students, counts."""
    todos = would_change(diagnosis) if with_structure else []
    return todos + _said(diagnosis.findings, ("students_without_enrollment", "counts_off"))


def would_change(diagnosis: Diagnosis) -> list[Todo]:
    """What `--structure` would do, each thing with its statements."""
    todos: list[Todo] = []
    for step in structure.wanted(diagnosis.steps):
        todos += [each for each in _said(diagnosis.advice, step.rows) if each not in todos]
        todos.append(Todo(step.detail, tuple(each for stage in step.online for each in stage)))
    return todos


def _said(findings: Iterable[Finding], codes: Iterable[str]) -> list[Todo]:
    found = {finding.code: finding for finding in findings}
    return [
        Todo(WOULD[code].format(affected=found[code].affected, examples="; ".join(found[code].examples)))
        for code in codes
        if code in found
    ]
