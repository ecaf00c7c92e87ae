"""Owners of the LMS's tables.

Any role may make tables that look like an LMS's, with triggers and policies. So only tables of a single owner are
candidates, and where several owners have an LMS, a person decides.
"""

from collections.abc import Iterable

from listener.catalogue.catalogue import Catalogue
from listener.discovery.enrollments import EnrollmentTables
from listener.errors import ListenerError, TableNotFound, Undecided, WrongSetting

SETTING = "LISTENER_ENROLLMENT_TABLE"
TABLES = ("enrollment_table", "profile_table", "course_table")


def of_one_owner(catalogue: Catalogue, asked: dict[str, str]) -> Catalogue:
    """The catalogue with the tables of one owner as candidates: the owner of the tables in the settings; or this role;
    or the only role with an LMS that this role may act as. Raises Undecided, TableNotFound, WrongSetting."""
    finder = EnrollmentTables(catalogue, asked)
    by_name = finder.set_table("student_table")
    catalogue = catalogue if by_name is None else catalogue.naming(by_name.table)
    named = [relation for relation in map(finder.set_table, TABLES) if relation is not None]
    if named:
        return catalogue.owned_by({relation.owner for relation in named})
    ours = {relation.owner for relation in catalogue.tables if relation.is_ours}
    likely = _likely(catalogue, asked, ours)
    me = catalogue.role
    if me.name in likely and not me.is_superuser:
        return catalogue.owned_by({me.name})
    if len(likely) == 1:
        return catalogue.owned_by(likely)
    if likely:
        described = " and ".join(f"of {owner} ({table})" for owner, table in sorted(likely.items()))
        raise Undecided(what="whose tables the LMS's are", reason=f"those {described} could be", setting=SETTING)
    others = _likely(catalogue, asked, {relation.owner for relation in catalogue.tables} - ours)
    if others:
        described = " and ".join(f"{table}, of {owner}" for owner, table in sorted(others.items()))
        raise TableNotFound(
            what="enrollments",
            reason=f"it may be {described}; but {me.name} does not own it, nor is a member of a role that does. "
            f"Connect as the owner; or set {SETTING}",
        )
    _of_several(catalogue, asked, ours)
    return catalogue.owned_by(ours)


def _likely(catalogue: Catalogue, asked: dict[str, str], owners: Iterable[str]) -> dict[str, str]:
    """The owners with an LMS, and the table of enrollments."""
    found: dict[str, str] = {}
    for owner in owners:
        finder = EnrollmentTables(catalogue.owned_by({owner}), asked)
        try:
            found[owner] = finder.enrollments().relation.table.label
        except (TableNotFound, WrongSetting):
            continue
        except ListenerError:  # possible, and not clear: told when the only owner
            found[owner] = "which is not clear"
    return found


def _of_several(catalogue: Catalogue, asked: dict[str, str], owners: set[str]) -> None:
    """Raise Undecided if only tables of several owners together make an LMS."""
    try:
        found = EnrollmentTables(catalogue.owned_by(owners), asked).enrollments()
    except ListenerError:
        return
    table = found.relation.table
    raise Undecided(
        what="whose tables the LMS's are",
        reason=f"{table.label} belongs to {found.relation.owner}, and the tables that it is about to others",
        setting=f"{SETTING}={table.setting}, LISTENER_PROFILE_TABLE and LISTENER_COURSE_TABLE",
    )
