"""Columns that read like a state, and are not understood: always asked about, never passed over in silence."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from listener.catalogue.catalogue import Catalogue, Column, Relation
from listener.catalogue.columns import few
from listener.discovery import vocabulary, wording
from listener.discovery.role_names import named
from listener.errors import Unclear
from listener.mapping.mapping import readable
from listener.row_text import columns_of, unquoted

NOTHING: Mapping[str, str] = MappingProxyType({})
PUNCTUATION = re.compile(r"[^\w ]+")
KEYS = re.compile(r'"(\w+)"\s*:')
RANGES = tuple(f"{each}{kind}" for each in ("date", "ts", "tstz") for kind in ("range", "multirange"))
NO_NAME = frozenset(("by", "reason", "motivo", "motif", "grund"))
SOMETHING_ELSE = NO_NAME | {"id", "uuid", "into"}
"""Words of a key for another row, or of a reason."""
TRIAL = frozenset(("trial",))
"""Of a person, the end of what is paid for."""
SHOWN = 4
"""Values of a column in a question."""


@dataclass(frozen=True)
class Kind:
    """The meaning of a table's rows. Any flag or time may tell that a row does not count, but for what is harmless."""

    what: str
    setting: str
    """The setting for the condition on rows."""
    harmless: frozenset[str]
    """Words of flags and times that tell something else."""
    gates: frozenset[str] = frozenset()
    """Words of flags that tell that a row counts, though of other tables they tell something else."""
    loud: frozenset[str] = vocabulary.UNCLEAR | vocabulary.STATES
    """Words beside which no word is harmless."""
    times: tuple[str, ...] = vocabulary.ENDS
    guess: str = "they play no part"


PERSON = Kind(
    "which people are there still",
    "LISTENER_PERSON_PREDICATE",
    vocabulary.OF_PEOPLE,
    vocabulary.some("approved approval accepted activated admitted enrolled aprovado aprobado matriculado"),
    times=vocabulary.EXPIRY,
)
ROLE = Kind("which roles still hold", "LISTENER_STUDENT_PREDICATE", vocabulary.HARMLESS, vocabulary.GATES)
MEMBERSHIP = Kind("which memberships still hold", "LISTENER_WANTED_QUERY", vocabulary.HARMLESS, vocabulary.GATES)
ENROLLMENT = Kind(
    "which enrollments are active",
    "LISTENER_ACTIVE_PREDICATE",
    vocabulary.OF_ENROLLMENTS,
    vocabulary.GATES | vocabulary.some("paid enrolled verified validated"),
)
COURSE = Kind(
    "which courses are published",
    "LISTENER_PUBLISH_PREDICATE",
    vocabulary.OF_COURSES,
    loud=vocabulary.UNCLEAR | vocabulary.STATES | vocabulary.NO_COURSE_VALUES | vocabulary.ADMISSION,
    times=(),
)


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
    made_of = [_read(each, relation) for name, each in relation.columns.items() if name in understood]
    understood = understood.union(*made_of)
    found = [
        column
        for name, column in relation.columns.items()
        if name not in understood
        and (
            _is_replaced(name, understood) or await _names_a_state(catalogue, relation, name, kind)
            if _is_key(column, relation)
            else _reads_like_a_state(column, kind, condition, compared) and not _follows(column, relation, understood)
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
        setting = (
            f"LISTENER_TENANT=none if students land in a course without being members, "
            f"or {kind.setting} to what `listener rule --accept-guesses` prints, with {add}, if {they} a part"
        )
    else:
        more = add if now == "true" else f"that and {add}"
        setting = f'{table}{kind.setting}="{now}" if {they} no part, or else to {more}'
    unmet = [each.name for each in found if kind is ENROLLMENT and _is_closed_gate(each)]
    if unmet:
        values = "; ".join(f"{name}=true" for name in unmet)
        setting += f', and LISTENER_ENROLLMENT_VALUES="{values}" if a new row is to be so'
    question = Unclear(what=kind.what, reason=f"{seen} may say it", setting=setting)
    return question, ", ".join(f"{relation.table.label}.{each.name}" for each in found)


def _follows(column: Column, relation: Relation, understood: set[str | None]) -> bool:
    """Whether it is computed from columns that are understood, and says nothing of its own."""
    read = _read(column, relation)
    return bool(read) and read <= understood


def _read(column: Column, relation: Relation) -> set[str]:
    """The columns from which it is computed."""
    return {each for each in relation.columns if re.search(rf"\b{re.escape(each)}\b", column.expression)}


def _is_closed_gate(column: Column) -> bool:
    """Whether a flag says that an enrollment counts, and that of a new row does not."""
    return column.is_boolean and wording.says(column.name, ENROLLMENT.gates) and column.default_value != "true"


def _is_key(column: Column, relation: Relation) -> bool:
    """Whether it is for another row, or tells a reason."""
    if relation.reference(column.name) is not None:
        return True
    named = bool(SOMETHING_ELSE.intersection(wording.words(column.name)))
    return named and not (column.is_boolean or column.is_time)


async def _names_a_state(catalogue: Catalogue, relation: Relation, name: str, kind: Kind) -> bool:
    """Whether a key is that of a state, in a table of names: by its own name, or by what these names are."""
    reference, said = relation.reference(name), wording.words(name)
    if NO_NAME.intersection(said) or wording.says(name, vocabulary.BYGONE | vocabulary.NO_STATES):
        return False
    if wording.says(name, vocabulary.PROGRESS_WORDS):
        return True
    other = None if reference is None else catalogue.relations.get(reference[0])
    if other is None or reference is None:
        return False
    if wording.says(other.table.name, vocabulary.PROGRESS_WORDS):
        return True
    names = tuple(await named(catalogue, other, reference[1])) if wording.says(name, vocabulary.SORTS) else ()
    odd = vocabulary.NO_COURSE_VALUES if kind is COURSE else vocabulary.UNCLEAR
    return bool(vocabulary.absent(names)) or any(wording.says(each, odd) for each in names)


def _is_replaced(name: str, understood: set[str | None]) -> bool:
    """Whether a reference tells that the row ended, and nothing that is understood says the same: `deleted_by` beside
    `deleted_at` does not."""
    said = vocabulary.REPLACED.intersection(wording.words(name))
    return bool(said) and not any(said.intersection(wording.words(each)) for each in understood if each)


def says_a_role(name: str) -> bool:
    """Whether a flag names a person's role in the school: no question where a role says the same."""
    return wording.says(name, vocabulary.ROLE_FLAGS)


def _reads_like_a_state(column: Column, kind: Kind, condition: str, compared: Mapping[str, str]) -> bool:
    name, allowed = column.name, column.allowed
    is_flag_or_time = column.is_boolean or column.is_time
    if column.is_boolean and wording.says(name, kind.gates):
        return True
    if column.is_time and wording.says(name, kind.gates & vocabulary.GATES) and kind is not PERSON:
        return " in (" not in condition  # beside a status a time tells when, alone it tells whether
    admits = vocabulary.ADMISSION - (vocabulary.ENROLLMENTS if kind is ENROLLMENT else frozenset())
    if kind in (COURSE, ENROLLMENT) and allowed and wording.says(name, admits):
        return True
    if wording.says(name, vocabulary.NO_STATES) or (kind is PERSON and column.is_time and wording.says(name, TRIAL)):
        return False
    if (name in compared and not wording.says(name, kind.harmless)) or column.type in (*RANGES, "bit", "bit varying"):
        return True
    may_be_one = is_flag_or_time or column.is_number or bool(allowed)
    if may_be_one and wording.says(PUNCTUATION.sub(" ", column.comment), vocabulary.UNCLEAR | vocabulary.STATES):
        return True
    if any(wording.says(each, kind.loud) or is_flag(each) for each in _keys(column)):
        return True
    if is_flag_or_time:
        is_named = column.is_time and wording.rank(name, kind.times) is not None
        return is_named or wording.says(name, kind.loud) or not wording.says(name, kind.harmless)
    if kind is ENROLLMENT and _is_asked_about_by_itself(column):
        return False
    if kind is ENROLLMENT and _tells_how_it_goes(column):
        return True
    in_words = bool(allowed) or column.family == "integer" or column.type.endswith("[]")
    if in_words and wording.says(name, vocabulary.PROGRESS_WORDS):
        return True
    if column.is_number and wording.says(name, vocabulary.WAITING):
        return True
    if (column.is_number or column.type == "bpchar" or allowed) and is_flag(name):
        return True
    if kind is COURSE and column.family == "integer" and wording.says(name, vocabulary.VISIBILITY):
        return True
    if wording.rank(name, (*vocabulary.STATUS_COLUMNS, *vocabulary.STANDINGS)) is not None:
        return bool(allowed) or column.family == "integer"
    odd = vocabulary.NO_COURSE_VALUES if kind is COURSE else vocabulary.UNCLEAR
    return column.is_word and (bool(vocabulary.absent(allowed)) or any(wording.says(each, odd) for each in allowed))


def is_flag(name: str) -> bool:
    return wording.rank(name, vocabulary.FLAGS) is not None


def _keys(column: Column) -> list[str]:
    """The keys of a JSON column's default."""
    return KEYS.findall(column.default_value or "") if column.type in ("json", "jsonb") else []


def _is_asked_about_by_itself(column: Column) -> bool:
    """Whether it tells students from teachers, as the rule for enrollments knows."""
    is_role = wording.rank(column.name, vocabulary.ROLES_IN_A_COURSE) is not None
    return is_role and bool(wording.matching(column.allowed, vocabulary.STUDENTS_ALONE))


def _tells_how_it_goes(column: Column) -> bool:
    """Of an enrollment: whether a column is named for a state or a stage, or says who is a teacher there."""
    if wording.says(column.name, vocabulary.BYGONE):
        return False
    if any(wording.says(each, vocabulary.ROLE_FLAGS) for each in column.allowed):
        return True
    in_words = column.is_word or column.family == "integer"
    return in_words and wording.says(column.name, vocabulary.PROGRESS_WORDS)


async def _seen(catalogue: Catalogue, relation: Relation, column: Column) -> str:
    values = await catalogue.values(relation, column)
    shown = few(values[:SHOWN]) + (", …" if len(values) > SHOWN else "") if values else "no value yet"
    return f"{relation.table.label}.{column.name} ({column.type}: {shown})"
