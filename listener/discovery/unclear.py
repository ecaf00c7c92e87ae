"""Columns that read like a state, and are not understood: always asked about, never passed over in silence."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from listener.catalogue.catalogue import Catalogue, Column, Relation
from listener.catalogue.columns import few
from listener.discovery import vocabulary, wording
from listener.errors import Unclear
from listener.mapping.mapping import readable
from listener.row_text import columns_of, unquoted

NOTHING: Mapping[str, str] = MappingProxyType({})
PUNCTUATION = re.compile(r"[^\w ]+")
KEYS = re.compile(r'"(\w+)"\s*:')
RANGES = tuple(f"{each}{kind}" for each in ("date", "ts", "tstz") for kind in ("range", "multirange"))
SOMETHING_ELSE = frozenset(("id", "by", "uuid", "reason", "motivo", "motif", "grund"))
"""Words of a key for another row, or of a reason."""
SHOWN = 4
"""Values of a column in a question."""


@dataclass(frozen=True)
class Kind:
    """The meaning of a table's rows, and the words by which a flag or a time reads like a state."""

    what: str
    flags: frozenset[str]
    times: tuple[str, ...]
    setting: str
    """The setting for the condition on rows."""
    guess: str = "they play no part"


PERSON = Kind(
    "which people are there still", vocabulary.UNCLEAR_OF_PEOPLE, vocabulary.EXPIRY, "LISTENER_PERSON_PREDICATE"
)
ROLE = Kind("which roles still hold", vocabulary.UNCLEAR_OF_ENROLLMENTS, vocabulary.ENDS, "LISTENER_STUDENT_PREDICATE")
MEMBERSHIP = Kind(
    "which memberships still hold", vocabulary.UNCLEAR_OF_ENROLLMENTS, vocabulary.ENDS, "LISTENER_WANTED_QUERY"
)
ENROLLMENT = Kind(
    "which enrollments are active", vocabulary.UNCLEAR_OF_ENROLLMENTS, vocabulary.ENDS, "LISTENER_ACTIVE_PREDICATE"
)
COURSE = Kind("which courses are published", vocabulary.UNCLEAR_OF_COURSES, (), "LISTENER_PUBLISH_PREDICATE")


async def question(
    catalogue: Catalogue,
    relation: Relation,
    kind: Kind,
    condition: str,
    known: Iterable[str | None] = (),
    compared: Mapping[str, str] = NOTHING,
) -> tuple[Unclear, str] | None:
    """The question about all unclear columns of a table, and the subject; None where all is clear. `condition` is the
    understood part, `known` are columns with another meaning, and `compared` says where the LMS itself compares a
    column."""
    understood = {*map(unquoted, columns_of(condition)), *known, *relation.primary_key}
    found = [
        column
        for name, column in relation.columns.items()
        if name not in understood
        and (
            _is_replaced(name, understood)
            if relation.reference(name) or SOMETHING_ELSE.intersection(wording.words(name))
            else _reads_like_a_state(column, kind, compared) and not _follows(column, relation, understood)
        )
    ]
    if not found:
        return None
    seen = " and ".join(
        [
            await _seen(catalogue, relation, each)
            + (f", compared in {compared[each.name]}," if each.name in compared else "")
            for each in found
        ]
    )
    they, add = ("it plays", "a condition on it") if len(found) == 1 else ("they play", "conditions on them")
    now = readable(condition)
    table = f"LISTENER_STUDENT_TABLE={relation.table.setting} and " if kind is ROLE else ""
    if kind is MEMBERSHIP:
        setting = f"{kind.setting} to what `listener rule --accept-guesses` prints, with {add}, if {they} a part"
    else:
        setting = f'{table}{kind.setting}="{now}" if {they} no part, or else to that and {add}'
    question = Unclear(what=kind.what, reason=f"{seen} may say it", setting=setting)
    return question, ", ".join(f"{relation.table.label}.{each.name}" for each in found)


def _follows(column: Column, relation: Relation, understood: set[str | None]) -> bool:
    """Whether it is computed from columns that are understood, and says nothing of its own."""
    read = {each for each in relation.columns if re.search(rf"\b{re.escape(each)}\b", column.expression)}
    return bool(read) and read <= understood


def _is_replaced(name: str, understood: set[str | None]) -> bool:
    """Whether a reference tells that the row ended, and nothing that is understood says the same: `deleted_by` beside
    `deleted_at` does not."""
    said = vocabulary.REPLACED.intersection(wording.words(name))
    return bool(said) and not any(said.intersection(wording.words(each)) for each in understood if each)


def says_a_role(name: str) -> bool:
    """Whether a flag names a person's role in the school: no question where a role says the same."""
    return wording.says(name, vocabulary.ROLE_FLAGS)


def _reads_like_a_state(column: Column, kind: Kind, compared: Mapping[str, str]) -> bool:
    if wording.says(column.name, vocabulary.NO_STATES):
        return False
    if column.name in compared:
        return True
    may_be_one = column.is_boolean or column.is_time or column.is_number or bool(column.allowed)
    if may_be_one and wording.says(PUNCTUATION.sub(" ", column.comment), kind.flags | vocabulary.STATES):
        return True
    if column.type in RANGES or any(wording.says(each, kind.flags) or is_flag(each) for each in _keys(column)):
        return True
    if kind is ENROLLMENT and _tells_how_it_goes(column):
        return True
    may_end = kind in (ROLE, MEMBERSHIP) and (column.is_boolean or column.is_time)
    if may_end and not wording.says(column.name, vocabulary.HARMLESS):
        return True
    if wording.says(column.name, vocabulary.PROGRESS_WORDS) and (column.allowed or column.family == "integer"):
        return True
    if kind is PERSON and any(wording.says(each, vocabulary.UNCLEAR_OF_PEOPLE - {"active"}) for each in column.allowed):
        return True
    if column.is_boolean:
        is_computed = column.generated and wording.rank(column.name, vocabulary.STATUS_COLUMNS) is None
        return is_computed or wording.says(column.name, kind.flags)
    if column.is_time:
        is_named = wording.rank(column.name, kind.times) is not None
        return is_named or wording.says(column.name, kind.flags - {"trial"} if kind is PERSON else kind.flags)
    if (column.is_number or column.type in ("bpchar", "bit") or column.allowed) and is_flag(column.name):
        return True
    if kind is COURSE and column.family == "integer" and wording.says(column.name, vocabulary.VISIBILITY):
        return True
    if wording.rank(column.name, (*vocabulary.STATUS_COLUMNS, *vocabulary.STANDINGS)) is not None:
        return bool(column.allowed) or column.family == "integer"
    if kind is COURSE and any(wording.says(each, vocabulary.NO_COURSE_VALUES) for each in column.allowed):
        return True
    return column.is_word and bool(vocabulary.absent(column.allowed))


def is_flag(name: str) -> bool:
    return wording.rank(name, vocabulary.FLAGS) is not None


def _keys(column: Column) -> list[str]:
    """The keys of a JSON column's default."""
    return KEYS.findall(column.default_value or "") if column.type in ("json", "jsonb") else []


def _tells_how_it_goes(column: Column) -> bool:
    """Of an enrollment: whether a column is named for a state or a stage, or says who is a teacher there."""
    if wording.says(column.name, vocabulary.BYGONE):
        return False
    is_role = wording.rank(column.name, vocabulary.ROLES_IN_A_COURSE) is not None
    if any(wording.says(each, vocabulary.ROLE_FLAGS) for each in column.allowed):
        return not (is_role and wording.matching(column.allowed, vocabulary.STUDENTS_ALONE))
    in_words = column.is_word or column.family == "integer"
    return in_words and wording.says(column.name, vocabulary.PROGRESS_WORDS)


async def _seen(catalogue: Catalogue, relation: Relation, column: Column) -> str:
    values = await catalogue.values(relation, column)
    shown = few(values[:SHOWN]) + (", …" if len(values) > SHOWN else "") if values else "no value yet"
    return f"{relation.table.label}.{column.name} ({column.type}: {shown})"
