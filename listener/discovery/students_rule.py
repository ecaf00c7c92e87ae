"""Finds the rule for students, over the profiles or over a table of roles."""

from listener.catalogue.catalogue import Catalogue, Relation
from listener.catalogue.comparisons import Comparisons
from listener.discovery import role_names, states, vocabulary
from listener.discovery.conditions import EVERYONE, Rule, Rules, also
from listener.discovery.enrollments import Enrollments
from listener.discovery.evidence import Choice
from listener.discovery.tables import Tables
from listener.errors import Undecided, WhoIsAStudent
from listener.mapping.mapping import Table


def check_comparable(roles: Relation, role_key: str, profiles: Relation, profile_key: str) -> None:
    """Raise Undecided if the table of roles cannot be joined to the profiles."""
    theirs, own = roles.columns[role_key], profiles.columns[profile_key]
    if theirs.family != own.family:
        raise WhoIsAStudent(
            reason=f"{roles.table.label}.{role_key} is {theirs.type}, and {profiles.table.label}.{profile_key} is"
            f" {own.type}: they cannot be compared",
            setting="LISTENER_STUDENT_TABLE and LISTENER_STUDENT_KEY, or LISTENER_STUDENT_VIEW",
        )


class Students:
    """Finds an LMS's rule for students."""

    def __init__(
        self, catalogue: Catalogue, finder: Tables, rules: Rules, asked: dict[str, str], compared: Comparisons
    ) -> None:
        self._catalogue, self._finder, self._rules, self._asked = catalogue, finder, rules, asked
        self._compared = compared

    async def rule(
        self, profiles: Relation, profile_key: str, enrollments: Enrollments
    ) -> tuple[Rule, tuple[Relation, str] | None]:
        """The rule; and the table of roles with the key, if the rule is about that table. Raises Undecided."""
        asked, rules = self._asked, self._rules
        people = self._finder.people(profiles, profile_key, enrollments.person.table)
        role = self._finder.role_table(profiles, people)
        predicate = asked.get("student_predicate")
        if predicate is not None:
            setting = "LISTENER_STUDENT_PREDICATE"
            rule = Rule(predicate, Choice("students", 100, setting), setting=setting, given=True)
            return rule, role if "student_table" in asked else None
        if "student_table" in asked and role is not None:
            found = await self._of_roles(role[0], profiles)
            if found is None:
                rules.role_in_other_words(role[0])
            return found or await self._having(role[0], profiles), role
        try:
            own = await rules.role(profiles)
        except Undecided:
            found = await self._of_roles(role[0], profiles) if role and "student_column" not in asked else None
            if found is None:
                raise
            return found, role
        if own is None:
            own = await role_names.by_reference(self._catalogue, profiles, of_profiles=True)
        if own is not None and role is not None and not asked.keys() & {"student_column", "student_values"}:
            await self._check_one_says_it(own, profiles, role[0])
        elsewhere = self._finder.that_may_say_roles(profiles, people, enrollments.relation.table)
        if own is None and role is not None:
            try:
                found = await self._of_roles(role[0], profiles)
            except Undecided:
                await rules.role_elsewhere([each for each in elsewhere if each[0] != role[0]])
                raise
            if found is not None:
                return found, role
            rules.role_in_other_words(role[0])
        if own is None:
            rules.role_in_other_words(profiles)
            await rules.role_in_json(profiles)
            await rules.role_under_another_name(profiles)
            self._role_in_token(profiles)
            if "student_view" not in asked:
                self._role_by_table(profiles, people)
            await rules.role_elsewhere(elsewhere)
            own = Rule("true", Choice("students", 60, "nothing says who is one, so everyone is"))
        return also(own, [] if "person_predicate" in asked else await states.of_person(self._catalogue, profiles)), None

    def _role_by_table(self, profiles: Relation, people: tuple[Table, ...]) -> None:
        """Raise Undecided if students, or teachers, have rows of their own beside those of people."""
        reason = f"no column of {profiles.table.label} says so, and"
        for relation in self._finder.of_some(people, frozenset(vocabulary.STUDENTS_ALONE)):
            raise WhoIsAStudent(
                reason=f"{reason} {relation.table.label} has rows of some",
                setting=f"LISTENER_STUDENT_TABLE={relation.table.setting} if these are students ({EVERYONE})",
            )
        for relation in self._finder.of_some(people, vocabulary.ROLE_FLAGS):
            raise WhoIsAStudent(
                reason=f"{reason} {relation.table.label} has rows of some who may be none",
                setting=f"LISTENER_STUDENT_VIEW to a query without them ({EVERYONE})",
            )

    def _role_in_token(self, profiles: Relation) -> None:
        """Raise Undecided if policies read a role from the session's token: then not everyone is a student."""
        found = self._compared.role_in_token(vocabulary.ROLE_COLUMNS)
        if found is not None:
            raise WhoIsAStudent(
                reason=f"no column of {profiles.table.label} says so, and {found[1]} reads {found[0]} from the"
                " session's token",
                setting="LISTENER_STUDENT_TABLE, LISTENER_STUDENT_KEY and LISTENER_STUDENT_PREDICATE to what the token"
                f" is made from ({EVERYONE})",
            )

    async def _of_roles(self, relation: Relation, profiles: Relation) -> Rule | None:
        """The rule by a table of roles. Raises Undecided."""
        found = await self._rules.role(relation)
        if found is None:
            found = await role_names.by_reference(self._catalogue, relation, of_profiles=False)
        return None if found is None else also(found, await self._counts(relation, profiles))

    async def _having(self, relation: Relation, profiles: Relation) -> Rule:
        rule = Rule("true", Choice("students", 80, "has a row in LISTENER_STUDENT_TABLE"))
        return also(rule, await self._counts(relation, profiles))

    async def _counts(self, relation: Relation, profiles: Relation) -> list[str]:
        """Conditions that a row of roles counts. Raises Undecided."""
        of_people = await role_names.of_models(self._catalogue, relation, profiles.table)
        return [*of_people, *await states.of_role(self._catalogue, relation)]

    async def _check_one_says_it(self, own: Rule, profiles: Relation, roles: Relation) -> None:
        """Raise Undecided if both the profiles and the table of roles name students."""
        try:
            other = await self._of_roles(roles, profiles)
        except Undecided:
            return
        if other is not None and other.column is not None:
            raise WhoIsAStudent(
                reason=f"both {profiles.table.label}.{own.column} and {roles.table.label}.{other.column} say it",
                setting=f"LISTENER_STUDENT_TABLE to one of {profiles.table.label} and {roles.table.label}",
            )
