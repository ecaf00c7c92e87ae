"""Roles in a separate table: `user_roles (user_id, role_id)`, `roles (id, name)`."""

from listener import sql
from listener.catalogue.catalogue import SAMPLE_ROWS, Catalogue, Column, Relation
from listener.catalogue.columns import few
from listener.discovery import vocabulary, wording
from listener.discovery.conditions import EVERYONE, Rule
from listener.discovery.evidence import Choice
from listener.discovery.states import equals_one_of, ranked
from listener.errors import WhoIsAStudent
from listener.mapping.mapping import Table


async def by_reference(catalogue: Catalogue, relation: Relation, *, of_profiles: bool) -> Rule | None:
    """The rule for students, by a column of `relation` that refers to named roles; None without such a column. The rule
    keeps the present key of the student's role. Raises Undecided."""
    for column in ranked(relation, vocabulary.ROLE_REFERENCES):
        reference = relation.reference(column.name)
        roles = None if reference is None else catalogue.relations.get(reference[0])
        if reference is None or roles is None:
            continue
        known = await named(catalogue, roles, reference[1])
        wanted = wording.matching(tuple(known), vocabulary.STUDENTS)
        keys = tuple(key for name in wanted for key in known[name])
        if keys:
            choice = Choice("students", 80, f"{column.name}: called {few(wanted)} in {roles.table.label}")
            return Rule(equals_one_of(column, keys), choice, column.name)
        raise WhoIsAStudent(
            reason=_none_is(relation, column, roles.table, tuple(known)),
            setting=_setting(relation, column, of_profiles=of_profiles),
        )
    return None


async def of_models(catalogue: Catalogue, relation: Relation, profiles: Table) -> list[str]:
    """The condition that a row of roles is a person's, where other things may have roles, too (`model_type`). Raises
    Undecided."""
    for column in ranked(relation, vocabulary.MODEL_TYPES):
        known = await catalogue.values(relation, column)
        people = wording.words(profiles.name)
        of_people = tuple(each for each in known if wording.words(each.replace("\\", ":").split(":")[-1]) == people)
        if of_people:
            return [equals_one_of(column, of_people)]
        seen = f"is {few(known)}" if known else "has no row yet"
        raise WhoIsAStudent(
            reason=f"{relation.table.label}.{column.name} says whose role it is, and {seen}",
            setting=_setting(relation, column, of_profiles=False),
        )
    return []


def _setting(relation: Relation, column: Column, *, of_profiles: bool) -> str:
    table = "" if of_profiles else f"LISTENER_STUDENT_TABLE={relation.table.setting} and "
    return f"{table}LISTENER_STUDENT_PREDICATE to a condition on {column.name} ({EVERYONE})"


def _none_is(relation: Relation, column: Column, roles: Table, known: tuple[str, ...]) -> str:
    said = f"none of these is called student: {few(known)}" if known else "which says no name of a role yet"
    return f"{relation.table.label}.{column.name} refers to {roles.label}, {'and ' if known else ''}{said}"


async def named(catalogue: Catalogue, roles: Relation, key: str) -> dict[str, list[str]]:
    """The keys of rows that have names, by name."""
    name = next((each for each in ranked(roles, vocabulary.NAMES) if each.is_word), None)
    if name is None or roles.hides or not (catalogue.is_looked_at(roles) or roles.table in catalogue.named):
        return {}
    rows = await catalogue.connection.fetch(
        f"select {sql.identifier(key)}::text as key, {sql.identifier(name.name)}::text as name"
        f" from {roles.table} limit {SAMPLE_ROWS}"
    )
    known: dict[str, list[str]] = {}
    for row in rows:
        if row["name"] is not None:
            known.setdefault(row["name"], []).append(row["key"])
    return known
