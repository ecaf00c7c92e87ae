"""What the enrollments' table should have, keys and indexes, and the statements that add it while others write."""

from dataclasses import dataclass
from typing import Literal

from listener.catalogue import Catalogue, ForeignKey, Relation
from listener.mapping import Mapping, Table
from listener.sql import identifier

NAME_BYTES = 63


@dataclass(frozen=True)
class Step:
    """Something that is missing. Its statements run one by one, in order, each safe to repeat.

    Those with CONCURRENTLY run outside any transaction; the others wait for locks a moment only.
    """

    code: str
    severity: Literal["error", "warning"]
    what: str
    detail: str
    statements: tuple[str, ...]


def missing(catalogue: Catalogue, mapping: Mapping) -> list[Step]:
    """All that is missing, in the order to add it."""
    relation = catalogue.relations[mapping.enrollment_table]
    profile, course = mapping.enrollment_profile, mapping.enrollment_course
    indexed: str | None
    steps = [
        *_foreign_key(relation, profile, mapping.profile_table, mapping.profile_key, cascade=True),
        *_foreign_key(relation, course, mapping.course_table, mapping.course_key, cascade=False),
    ]
    if not relation.is_unique(profile, course) and not relation.partitioned:
        steps.append(_unique(relation, profile, course))
        indexed = profile
    else:
        indexed = None
    steps += [
        _index(relation, name) for name in (profile, course) if name != indexed and not relation.has_index_on(name)
    ]
    return steps


def _foreign_key(relation: Relation, column: str, table: Table, key: str, *, cascade: bool) -> list[Step]:
    own = [each for each in relation.foreign_keys if column in each.columns]
    right = [each for each in own if _is_right(each, table, key, cascade=cascade)]
    wrong = [each for each in own if each not in right and len(each.columns) == 1]
    target = f"{table.label} ({key})"
    if not right:
        state = "has no foreign key"
        if any(each.table == table for each in wrong):
            state = "has a foreign key that does not cascade"
        elif wrong:
            state = f"refers to {wrong[0].table.label}"
        if own and not cascade:
            return []
        code = "foreign_key_wrong_table" if wrong and wrong[0].table != table else "foreign_key_without_cascade"
        code = code if wrong else "foreign_key_missing"
        detail = f"{relation.table.label}.{column} {state}, should refer to {target}" + (
            " on delete cascade" if cascade else ""
        )
        name = _name(relation, {each.name for each in relation.foreign_keys}, column, "fkey")
        rule = " on update cascade on delete cascade" if cascade else ""
        valid = "" if relation.partitioned else " not valid"
        foreign_key = f"foreign key ({identifier(column)}) references {table} ({identifier(key)}){rule}{valid}"
        statements = [
            f"alter table {relation.table} add constraint {identifier(name)} {foreign_key}",
            *([] if relation.partitioned else [_validate(relation, name)]),
            *(f"alter table {relation.table} drop constraint if exists {identifier(each.name)}" for each in wrong),
        ]
        return [Step(code, "error", "a foreign key is missing, or is another", detail, tuple(statements))]
    steps = []
    for each in right:
        if not each.validated:
            detail = f"{each.name} of {relation.table.label} was never validated"
            validate = (_validate(relation, each.name),)
            steps.append(Step("foreign_key_not_valid", "warning", "a foreign key is not valid", detail, validate))
    if wrong and cascade:
        detail = (
            f"{', '.join(each.name for each in wrong)} of {relation.table.label} refers to {wrong[0].table.label} too"
        )
        drops = tuple(
            f"alter table {relation.table} drop constraint if exists {identifier(each.name)}" for each in wrong
        )
        steps.append(Step("foreign_key_wrong_table", "error", "a foreign key too many", detail, drops))
    return steps


def _is_right(foreign_key: ForeignKey, table: Table, key: str, *, cascade: bool) -> bool:
    return (
        foreign_key.table == table and key in foreign_key.referenced and (foreign_key.on_delete == "c" or not cascade)
    )


def _validate(relation: Relation, name: str) -> str:
    return f"alter table {relation.table} validate constraint {identifier(name)}"


def _unique(relation: Relation, profile: str, course: str) -> Step:
    name = _name(relation, set(), f"{profile}_{course}", "key")
    columns = f"{identifier(profile)}, {identifier(course)}"
    return Step(
        "unique_pair_missing",
        "error",
        "nothing keeps a profile from being enrolled twice in a course",
        f"{relation.table.label} ({profile}, {course}) is not unique",
        (
            _drop_invalid(relation, name),
            f"create unique index concurrently if not exists {identifier(name)} on {relation.table} ({columns})",
            f"alter table {relation.table} add constraint {identifier(name)} unique using index {identifier(name)}",
        ),
    )


def _index(relation: Relation, column: str) -> Step:
    name = _name(relation, set(), column, "idx")
    concurrently = "" if relation.partitioned else "concurrently "
    return Step(
        "index_missing",
        "warning",
        "an index is missing",
        f"no index of {relation.table.label} begins with {column}",
        (
            *([] if relation.partitioned else [_drop_invalid(relation, name)]),
            f"create index {concurrently}if not exists {identifier(name)} on {relation.table} ({identifier(column)})",
        ),
    )


def _drop_invalid(relation: Relation, name: str) -> str:
    """What an attempt that was broken off has left behind."""
    index = f"{identifier(relation.table.schema)}.{identifier(name)}"
    text = index.replace("'", "''")
    return (
        "do $do$ begin if exists (select from pg_catalog.pg_index"
        f" where indexrelid = to_regclass('{text}') and not indisvalid) then drop index {index}; end if; end $do$"
    )


def _name(relation: Relation, taken: set[str], middle: str, end: str) -> str:
    stem = f"{relation.table.name}_{middle}"
    for number in ("", *map(str, range(1, 100))):
        name = f"{stem[: NAME_BYTES - len(end) - len(number) - 1]}_{end}{number}"
        if name not in taken:
            return name
    raise AssertionError(stem)
