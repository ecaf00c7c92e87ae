"""Who is a student: by which rule, over the profiles or over a table of roles."""

from listener.catalogue.catalogue import Relation
from listener.discovery.conditions import Rule, Rules, also
from listener.discovery.enrollments import Enrollments
from listener.discovery.evidence import Choice
from listener.discovery.tables import Tables
from listener.errors import Undecided


def check_comparable(roles: Relation, role_key: str, profiles: Relation, profile_key: str) -> None:
    """Raise Undecided if the table of roles cannot be joined to the profiles."""
    theirs, own = roles.columns[role_key], profiles.columns[profile_key]
    if theirs.family != own.family:
        raise Undecided(
            what="who is a student",
            reason=f"{roles.table.label}.{role_key} is {theirs.type}, and {profiles.table.label}.{profile_key} is"
            f" {own.type}: they cannot be compared",
            setting="LISTENER_STUDENT_TABLE and LISTENER_STUDENT_KEY, or LISTENER_STUDENT_VIEW",
        )


async def students_rule(
    finder: Tables, rules: Rules, profiles: Relation, enrollments: Enrollments, asked: dict[str, str]
) -> tuple[Rule, tuple[Relation, str] | None]:
    """The rule; and the table of roles with its key, if the rule is about that one."""
    person = enrollments.person.table
    role = finder.role_table(profiles, person)
    predicate = asked.get("student_predicate")
    if predicate is not None:
        setting = "LISTENER_STUDENT_PREDICATE"
        rule = Rule(predicate, Choice("students", 100, setting), setting=setting, given=True)
        return rule, role if "student_table" in asked else None
    if "student_table" in asked and role is not None:
        found = await rules.role(role[0])
        rule = found or Rule("true", Choice("students", 80, "has a row in LISTENER_STUDENT_TABLE"))
        return also(rule, await rules.conditions(role[0])), role
    try:
        own = await rules.role(profiles)
    except Undecided:
        found = await rules.role(role[0]) if role is not None and "student_column" not in asked else None
        if found is None or role is None:
            raise
        return also(found, await rules.conditions(role[0])), role
    if (
        own is not None
        and role is not None
        and not asked.keys() & {"student_table", "student_column", "student_values"}
    ):
        other = await rules.role(role[0])
        if other is not None and other.column is not None:
            raise Undecided(
                what="who is a student",
                reason=f"both {profiles.table.label}.{own.column} and {role[0].table.label}.{other.column} say it",
                setting=f"LISTENER_STUDENT_TABLE to one of {profiles.table.label} and {role[0].table.label}",
            )
    if own is None and role is not None:
        found = await rules.role(role[0])
        if found is not None:
            return also(found, await rules.conditions(role[0])), role
    if own is None:
        rules.role_in_other_words(profiles)
        await rules.role_elsewhere(finder.that_may_say_roles(profiles, person, enrollments.relation.table))
        own = Rule("true", Choice("students", 60, "nothing says who is one, so everyone is"))
    return also(own, [] if "person_predicate" in asked else await rules.conditions(profiles)), None
