"""Keys and indexes that the enrollments' table could have, and the statements that add keys and indexes: while other
sessions write, or as a migration for the LMS's own tool."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from listener.catalogue.catalogue import ForeignKey, Relation
from listener.catalogue.keys import NAME_BYTES, Key, Keys, cut
from listener.errors import UnknownForeignKey
from listener.mapping.mapping import Mapping, Table, column
from listener.sql import identifier, literal

TEMPORARY = "listener_"
"""Prefix of a new key's name, until the old key is replaced."""

RULES = {"a": "no action", "r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}
REFUSING = ("a", "r")
"""Rules that keep an enrolled profile from being deleted."""


@dataclass(frozen=True)
class Step:
    code: str
    what: str
    detail: str
    name: str
    """The constraint's or the index's."""
    online: tuple[tuple[str, ...], ...]
    """Transactions in order, while other sessions write; a statement with CONCURRENTLY is alone."""
    migration: tuple[str, ...]
    """The same in a single transaction, for a migration tool."""
    rows: tuple[str, ...] = ()
    """Findings about rows in the way, which are moved first."""
    by_name: bool = False
    """Whether the step is done only if asked for by name."""
    needed: bool = False
    """Whether the listener's work suffers without the step."""
    refuses: tuple[Table, str] | None = None
    """(table, column) that a profile must be in to be enrolled, because of a foreign key to the wrong table."""

    @property
    def subject(self) -> tuple[str, str]:
        """Identifies the step when other parts have changed."""
        return self.code, self.detail.partition(":")[0]


def reference(mapping: Mapping, code: str) -> dict[str, str]:
    """Placeholders for a kind of orphans: enrollments that refer to nothing."""
    name, table, key = {
        "enrollments_of_nobody": (mapping.enrollment_profile, mapping.profile_table, mapping.profile_key),
        "enrollments_of_no_course": (mapping.enrollment_course, mapping.course_table, mapping.course_key),
    }[code]
    return {"reference": column(name), "referred_table": str(table), "referred_key": column(key)}


def missing(keys: Keys, cascade: Collection[str] = ()) -> list[Step]:
    """All steps, in order. `cascade` names foreign keys that are to cascade. Raises UnknownForeignKey."""
    relation, mapping = keys.relation, keys.mapping
    profile, course = mapping.enrollment_profile, mapping.enrollment_course
    known = [each.name for each in relation.foreign_keys if {profile, course} & set(each.columns)]
    for name in cascade:
        if name not in known:
            raise UnknownForeignKey(name=name, table=relation.table.label, known=", ".join(known) or "none")
    steps = [
        *_foreign_key(keys, profile, mapping.profile_table, mapping.profile_key, "enrollments_of_nobody", cascade),
        *_foreign_key(keys, course, mapping.course_table, mapping.course_key, "enrollments_of_no_course", cascade),
    ]
    unique = _unique(keys)
    steps += [] if unique is None else [unique]
    covered = profile if unique is not None else None
    steps += [_index(keys, name) for name in (profile, course) if name != covered and not relation.has_index_on(name)]
    return steps


def wanted(steps: Collection[Step]) -> list[Step]:
    """Without the steps that must be asked for by name."""
    return [step for step in steps if not step.by_name]


def _foreign_key(keys: Keys, column: str, table: Table, key: str, orphans: str, cascade: Collection[str]) -> list[Step]:
    relation = keys.relation
    of_profile = column == keys.mapping.enrollment_profile
    own = [each for each in relation.foreign_keys if column in each.columns]
    right = [each for each in own if each.table == table and key in each.referenced]
    wrong = [each for each in own if each not in right and len(each.columns) == 1]
    half_done = [each for each in right if any(each.name == _temporary(other.name) for other in own)]
    target = f"{table.label} ({key})"
    steps = []
    for each in right:
        if each in half_done:
            continue
        if not each.validated and keys.details.get(each.name, Key()).enforced and each.name not in cascade:
            validate = _validate(relation, each.name)
            detail = f"{each.name} of {relation.table.label} was never validated"
            what = "a foreign key is not valid"
            steps.append(
                Step("foreign_key_not_valid", what, detail, each.name, ((validate,),), (validate,), rows=(orphans,))
            )
        asked = each.name in cascade
        if each.on_delete != "c" and (asked or (of_profile and each.on_delete in REFUSING)):
            steps.append(_cascading(keys, each, asked=asked, rows=(orphans,)))
    if right and not half_done:
        return steps
    if not _can_refer(keys, column, table, key) or _names_its_table(relation, column):
        return steps
    if not own:
        name = keys.free_name(column, "fkey")
        definition = _definition((column,), table, (key,), "c", "c", Key())
        detail = f"{relation.table.label} ({column}) has no foreign key: it should refer to {target}"
        what = "a foreign key is missing"
        add = f"alter table {relation.table}\n    add constraint {identifier(name)} {definition}"
        online = ((add,),) if relation.partitioned else ((f"{add} not valid",), (_validate(relation, name),))
        steps.append(Step("foreign_key_missing", what, detail, name, online, (add,), rows=(orphans,)))
    elif of_profile and len(wrong) == 1:
        steps += _redirected(keys, wrong[0], table, key, orphans, cascade)
    return steps


def _names_its_table(relation: Relation, column: str) -> bool:
    """Whether another column says to which table this one refers: `enrollable_id`, beside `enrollable_type`. No foreign
    key can say that; rows of other tables are no orphans, and the same number there is another thing."""
    stem = re.sub("(_id|Id|ID)$", "", column)
    return stem != column and any(f"{stem}{kind}" in relation.columns for kind in ("_type", "Type"))


def _redirected(
    keys: Keys, old: ForeignKey, table: Table, key: str, orphans: str, cascade: Collection[str]
) -> list[Step]:
    """Let a key to another table refer to `table`; all else stays."""
    asked = old.name in cascade
    rules = ("c", "c") if asked else (old.on_delete, old.on_update)
    online, migration = _replaced(keys, old, table, (key,), rules)
    detail = (
        f"{old.name} of {keys.relation.table.label} refers to {old.table.label} ({old.referenced[0]}):"
        f" it should refer to {table.label} ({key})"
    )
    profiles = keys.catalogue.relations[keys.mapping.profile_table]
    same_people = profiles.reference(keys.mapping.profile_key) == (old.table, old.referenced[0])
    step = Step(
        "foreign_key_wrong_table",
        "a foreign key refers to another table",
        detail + (", and cascade" if asked else ""),
        old.name,
        online,
        migration,
        rows=(orphans,),
        refuses=None if same_people else (old.table, old.referenced[0]),
    )
    if asked or old.on_delete not in REFUSING:
        return [step]
    return [step, _cascading(keys, old, asked=False, rows=(orphans,))]


def _cascading(keys: Keys, old: ForeignKey, *, asked: bool, rows: tuple[str, ...]) -> Step:
    online, migration = _replaced(keys, old, old.table, old.referenced, ("c", "c"))
    detail = f"{old.name} of {keys.relation.table.label} says ON DELETE {RULES[old.on_delete].upper()}"
    if old.on_delete in REFUSING:
        detail += ": somebody who is enrolled cannot be deleted"
    return Step(
        "foreign_key_without_cascade",
        "a foreign key does not cascade",
        detail,
        old.name,
        online,
        migration,
        rows=() if old.validated else rows,
        by_name=not asked,
    )


def _replaced(
    keys: Keys, old: ForeignKey, table: Table, referenced: tuple[str, ...], rules: tuple[str, str]
) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Statements that replace a key, under the same name: (online, as a migration)."""
    relation, details = keys.relation, keys.details.get(old.name, Key())
    on = f"alter table {relation.table}"
    definition = _definition(old.columns, table, referenced, *rules, details)
    drop, name = f"drop constraint {identifier(old.name)}", identifier(old.name)
    comment = (
        ()
        if details.comment is None
        else (f"comment on constraint {name} on {relation.table} is {literal(details.comment).strip()}",)
    )
    at_once = (f"{on}\n    {drop},\n    add constraint {name} {definition}", *comment)
    if relation.partitioned:
        return (at_once,), at_once
    new = _temporary(old.name)
    swap = (f"{on} {drop}", f"{on} rename constraint {identifier(new)} to {name}", *comment)
    add = f"add constraint {identifier(new)} {definition}"
    if not details.enforced:
        return ((f"{on}\n    {add}",), swap), at_once
    online = [(f"{on}\n    {add} not valid",), (_validate(relation, new),), swap]
    for each in relation.foreign_keys:
        if each.name == new:  # an attempt that was broken off
            online.insert(0, (f"{on} drop constraint {identifier(new)}",))
    return tuple(online), at_once


def _definition(
    columns: tuple[str, ...], table: Table, referenced: tuple[str, ...], on_delete: str, on_update: str, details: Key
) -> str:
    parts = [
        f"foreign key ({', '.join(map(identifier, columns))})",
        f"references {table} ({', '.join(map(identifier, referenced))})",
        "match full" if details.match_full else "",
        f"on update {RULES[on_update]}" if on_update != "a" else "",
        f"on delete {RULES[on_delete]}" if on_delete != "a" else "",
        "deferrable" if details.deferrable else "",
        "initially deferred" if details.deferred else "",
        "" if details.enforced else "not enforced",
    ]
    return " ".join(filter(None, parts))


def _temporary(name: str) -> str:
    return cut(TEMPORARY + name, NAME_BYTES)


def _can_refer(keys: Keys, column: str, table: Table, key: str) -> bool:
    target = keys.catalogue.relations.get(table)
    if target is None or not target.is_table or key not in target.columns or not target.is_unique(key):
        return False
    return keys.relation.columns[column].family == target.columns[key].family


def _validate(relation: Relation, name: str) -> str:
    return f"alter table {relation.table} validate constraint {identifier(name)}"


def _unique(keys: Keys) -> Step | None:
    relation = keys.relation
    pair = (keys.mapping.enrollment_profile, keys.mapping.enrollment_course)
    if relation.is_unique(*pair) or keys.pair_decided or not keys.partition_key <= set(pair):
        return None
    if any(_names_its_table(relation, each) for each in pair):
        return None
    name = keys.free_name("_".join(pair), "key")
    columns = ", ".join(map(identifier, pair))
    add = f"alter table {relation.table}\n    add constraint {identifier(name)} unique"
    online: tuple[tuple[str, ...], ...] = (
        *_clear(keys, name),
        (f"create unique index concurrently {identifier(name)}\n    on {relation.table} ({columns})",),
        (f"{add} using index {identifier(name)}",),
    )
    migration = (f"{add} ({columns})",)
    return Step(
        "unique_pair_missing",
        "nothing keeps a profile from being enrolled twice in a course",
        f"{relation.table.label} ({', '.join(pair)}) is not unique",
        name,
        (migration,) if relation.partitioned else online,
        migration,
        rows=("duplicate_enrollments",),
        needed=not relation.has_index_on(pair[0]),
    )


def remark(keys: Keys) -> str | None:
    """A line if nothing keeps a profile from being in a course twice: the listener looks before enrolling, but does not
    see an app that enrolls at the same moment."""
    step = _unique(keys)
    if step is None:
        return None
    return (
        f"{step.detail}: should your app enroll somebody at the same moment, they are in that course twice;"
        " `listener sync --structure` adds the key"
    )


def _index(keys: Keys, column: str) -> Step:
    relation = keys.relation
    name = keys.free_name(column, "idx")
    on = f"{identifier(name)} on {relation.table} ({identifier(column)})"
    migration = (f"create index {on}",)
    online = (*_clear(keys, name), (f"create index concurrently {on}",))
    return Step(
        "index_missing",
        "an index is missing",
        f"no index of {relation.table.label} begins with {column}",
        name,
        (migration,) if relation.partitioned else online,
        migration,
        needed=column == keys.mapping.enrollment_profile,
    )


def _clear(keys: Keys, name: str) -> tuple[tuple[str, ...], ...]:
    """Remove the rest of an interrupted attempt."""
    return ((drop_index(keys.relation.table, name),),) if name in keys.invalid_indexes else ()


def drop_index(table: Table, name: str) -> str:
    """While other sessions write."""
    return f"drop index concurrently {identifier(table.schema)}.{identifier(name)}"
