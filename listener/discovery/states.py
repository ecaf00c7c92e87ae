"""Whether a row still counts: by times, flags and words that say so."""

from listener.catalogue.catalogue import Catalogue, Column, Relation
from listener.discovery import vocabulary, wording
from listener.mapping.mapping import column as of_row
from listener.sql import literal


def ranked(relation: Relation, names: tuple[str, ...]) -> list[Column]:
    """Columns with any of `names`, best first."""
    places = {column.name: wording.rank(column.name, names) for column in relation.columns.values()}
    found = [(place, name) for name, place in places.items() if place is not None]
    return [relation.columns[name] for _, name in sorted(found)]


def equals_one_of(column: Column, values: tuple[str, ...]) -> str:
    """The condition that a column has any of `values`."""
    if column.is_boolean and len(values) == 1:
        return f"{of_row(column.name)} is {'true' if values[0] == 'true' else 'not true'}"
    if column.ignores_case:
        return f"lower({of_row(column.name)}::text) in ({', '.join(f'lower({literal(value)})' for value in values)})"
    return f"{of_row(column.name)} in ({', '.join(map(literal, values))})"


def not_gone(relation: Relation, times: tuple[str, ...], flags: tuple[str, ...]) -> list[str]:
    """Conditions on a row that still counts: by times of the row's end, and by flags."""
    found = [f"{of_row(each.name)} is null" for each in ranked(relation, vocabulary.GONE + times) if each.is_time]
    flagged = ranked(relation, vocabulary.GONE_FLAGS + flags)
    return found + [f"{of_row(each.name)} is not true" for each in flagged if each.is_boolean]


def now_as(column: Column) -> str:
    """The present in the type of a time."""
    return {"date": "current_date", "timestamp without time zone": "localtimestamp"}.get(column.type, "now()")


def not_over(relation: Relation, names: tuple[str, ...], *, until: bool = True) -> list[str]:
    """Conditions on times until which a row counts: still to come. Without `until`, times from which a row counts:
    passed."""
    found = []
    for each in ranked(relation, names):
        now = now_as(each)
        if each.is_time:
            compares = (">=" if each.type == "date" else ">") if until else "<="
            found.append(f"({of_row(each.name)} is null or {of_row(each.name)} {compares} {now})")
    return found


async def standing(catalogue: Catalogue, relation: Relation, names: tuple[str, ...]) -> list[str]:
    """Conditions on words for a person's standing, where all of the column's values are understood."""
    found = []
    for each in ranked(relation, names):
        known = await catalogue.values(relation, each) if each.is_word else ()
        good, bad = vocabulary.present(known), vocabulary.absent(known)
        if good and bad and len(good) + len(bad) == len(known):
            says_so = equals_one_of(each, good)
            found.append(says_so if each.not_null else f"({of_row(each.name)} is null or {says_so})")
    return found


async def of_person(catalogue: Catalogue, relation: Relation) -> list[str]:
    """Plain conditions on a row of a person, or of a person's role: not deleted, not suspended, active, approved."""
    found = not_gone(relation, vocabulary.SHUT_OUT, vocabulary.NOT_THESE)
    found += [
        f"{of_row(each.name)} is not false" for each in ranked(relation, vocabulary.ONLY_THESE) if each.is_boolean
    ]
    found += not_over(relation, vocabulary.SHUT_OUT_UNTIL, until=False)
    found += await standing(catalogue, relation, vocabulary.STANDINGS)
    for column in ranked(relation, vocabulary.APPROVALS):
        known = await catalogue.values(relation, column)
        approved = wording.matching(known, vocabulary.APPROVED)
        if column.is_word and approved:
            found.append(equals_one_of(column, approved))
    return found


async def of_role(catalogue: Catalogue, relation: Relation) -> list[str]:
    """The same of a row that gives a role, or membership in a school: the row may end at a time, besides."""
    ends = not_gone(relation, vocabulary.DROPPED, vocabulary.DROPPED_FLAGS)
    found = [*await of_person(catalogue, relation), *ends, *not_over(relation, vocabulary.EXPIRY)]
    return list(dict.fromkeys(found))


async def of_membership(catalogue: Catalogue, relation: Relation) -> list[str]:
    """The same of a row that says which school a person is in: and a student's row, where the row names a role."""
    found = await of_role(catalogue, relation)
    for column in ranked(relation, vocabulary.ROLES_IN_A_COURSE):
        known = await catalogue.values(relation, column) if column.is_word else ()
        values = wording.matching(known, vocabulary.STUDENTS_ALONE)
        if values and len(values) < len(known):
            found.append(equals_one_of(column, values))
    return found


def of_course(relation: Relation) -> list[str]:
    """Conditions on a course that students may land in: not archived, no template, not over."""
    gone = not_gone(relation, vocabulary.RETIRED, vocabulary.NO_COURSES)
    flags = ranked(relation, (*vocabulary.OPEN_FLAGS, *vocabulary.PUBLISH_FLAGS))
    open_ = [f"{of_row(each.name)} is not false" for each in flags if each.is_boolean]
    times = [*not_over(relation, vocabulary.OPENS, until=False), *not_over(relation, vocabulary.ENDS)]
    return [*gone, *open_, *times]
