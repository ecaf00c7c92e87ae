"""The parts of the built-in rule: students, school, published courses, active enrollments."""

from dataclasses import dataclass

from listener.catalogue.catalogue import Catalogue, Relation
from listener.catalogue.comparisons import Comparisons
from listener.discovery import states, unclear, vocabulary, wording
from listener.discovery.conditions import Rule, Rules, also, status_columns
from listener.discovery.enrollments import Enrollments
from listener.discovery.evidence import Choice
from listener.discovery.questions import Asking
from listener.discovery.references import AUTH_USERS
from listener.discovery.states import ranked
from listener.discovery.students_rule import Students, check_comparable
from listener.discovery.tables import Tables
from listener.discovery.tenants import DECIDED, School, Schools
from listener.discovery.unclear import Kind
from listener.discovery.vocabulary import NO_STATES
from listener.row_text import columns_of, unquoted

QUERY = "LISTENER_WANTED_QUERY"
SUPABASES = ("is_super_admin", "is_sso_user")
"""Flags of its `auth.users` that are not about the school."""
GUESSED = 10
"""The score of a guess that was accepted."""


@dataclass(frozen=True)
class RuleParts:
    """Conditions as found, before Postgres has checked the conditions."""

    students: Rule
    person: Rule
    """Further conditions on the profile."""
    role: tuple[Relation, str] | None
    """The table of roles, and the column for the profile, if the rule for students is about that table."""
    published: Rule
    status: Rule
    school: School | None
    member: Rule
    """The condition on the row that says which school a person is in."""


class Parts:
    """Finds the parts, and asks where unclear."""

    def __init__(
        self, catalogue: Catalogue, finder: Tables, asked: dict[str, str], asking: Asking, compared: Comparisons
    ) -> None:
        self._catalogue, self._finder, self._asked, self._asking = catalogue, finder, asked, asking
        self._compared = compared
        self._rules = Rules(catalogue, asked)

    async def find(
        self, profiles: Relation, profile_key: str, enrollments: Enrollments, courses: Relation
    ) -> RuleParts:
        """Raises WrongSetting, and Undecided where no guess is possible."""
        every = Choice("active", GUESSED, "a guess that was accepted: every enrollment counts")
        status = await self._asking.answer(
            self._rules.status(enrollments.relation), "active", "every enrollment counts", Rule("true", every)
        )
        status = self._also_compared(status, enrollments.relation)
        known = [enrollments.person.column, enrollments.course.column, status.column]
        if status.choice.score == GUESSED:  # status columns are asked about already
            known += [each.name for each in status_columns(enrollments.relation)]
        if not self._asked.keys() & {"active_predicate"} and self._asked.get("enrollment_status") != "none":
            await self._ask(enrollments.relation, unclear.ENROLLMENT, status.condition, *known)
        if "wanted_query" in self._asked:
            by_query = Rule("true", Choice("students", 100, QUERY))
            published = Rule("true", Choice("published", 100, QUERY))
            return RuleParts(by_query, by_query, None, published, status, None, by_query)
        students, person, role = await self._students(profiles, profile_key, enrollments)
        published = await self._published(courses)
        finding = Schools(self._catalogue, self._finder, self._compared, profiles, profile_key, courses, enrollments)
        together = "all students land in the same course"
        school = await self._asking.answer(finding.find(self._asked, role), "school", together, None)
        member = await self._member(school, profiles, role)
        return RuleParts(students, person, role, published, status, school, member)

    async def _students(
        self, profiles: Relation, profile_key: str, enrollments: Enrollments
    ) -> tuple[Rule, Rule, tuple[Relation, str] | None]:
        everyone = Rule("true", Choice("students", GUESSED, "a guess that was accepted: everyone is one"))
        students, role = await self._asking.answer(
            Students(self._catalogue, self._finder, self._rules, self._asked, self._compared).rule(
                profiles, profile_key, enrollments
            ),
            "students",
            "everyone is a student",
            (everyone, None),
        )
        if role is not None:
            check_comparable(*role, profiles, profile_key)
            students = self._also_compared(students, role[0])
            if "student_predicate" not in self._asked:
                await self._ask(role[0], unclear.ROLE, students.condition, role[1], students.column)
        person = await self._rules.person(profiles, beside_roles=role is not None)
        if role is not None:
            person = self._also_compared(person, profiles)
        elif "person_predicate" not in self._asked:
            students = self._also_compared(students, profiles)
        is_said = "person_predicate" in self._asked or (role is None and "student_predicate" in self._asked)
        if not is_said and self._enrolls:
            stays = " and ".join(await states.of_person(self._catalogue, profiles)) or "true"
            compared = Rule(stays, students.choice)
            stays = self._also_compared(compared, profiles).condition
            is_by_role = role is not None or students.column is not None
            roles = [each for each in profiles.columns if is_by_role and unclear.says_a_role(each)]
            roles += [each.name for each in ranked(profiles, (*vocabulary.ROLE_COLUMNS, *vocabulary.ROLE_REFERENCES))]
            if students.choice.score == GUESSED and (found := self._rules.like_a_role(profiles)) is not None:
                roles.append(found.name)  # is asked about already
            roles += SUPABASES if profiles.table == AUTH_USERS else ()
            await self._ask(profiles, unclear.PERSON, stays, profile_key, students.column, *roles)
        return students, person, role

    async def _published(self, courses: Relation) -> Rule:
        every = Rule("true", Choice("published", GUESSED, "a guess that was accepted: every course is"))
        guess = "students may land in every course"
        published = await self._asking.answer(self._rules.published(courses), "published", guess, every)
        published = self._also_compared(published, courses)
        if not self._asked.keys() & {"publish_predicate", *DECIDED} and self._enrolls:
            known = ranked(courses, vocabulary.PUBLISH_STATUS) if published.choice.score == GUESSED else []
            await self._ask(courses, unclear.COURSE, published.condition, *(each.name for each in known))
        return published

    async def _member(self, school: School | None, profiles: Relation, role: tuple[Relation, str] | None) -> Rule:
        member = Rule("true", Choice("school", 100, "everybody in it"))
        if school is None or school.way.relation.table in (profiles.table, role[0].table if role else None):
            return member
        relation = school.way.relation
        member = also(member, await states.of_membership(self._catalogue, relation))
        member = self._also_compared(member, relation)
        await self._ask(relation, unclear.MEMBERSHIP, member.condition, school.way.person, school.way.column)
        return member

    @property
    def _enrolls(self) -> bool:
        return self._asked.get("actions") != "count"

    def _also_compared(self, rule: Rule, relation: Relation) -> Rule:
        """The rule, if not given, with the LMS's own conditions on rows that count."""
        if rule.given:
            return rule
        read = {*map(unquoted, columns_of(rule.condition)), rule.column}
        sure = {each.column: each.condition for each in self._compared.about(relation) if each.is_sure}
        more = [says for name, says in sure.items() if name not in read and not wording.says(name, NO_STATES)]
        return also(rule, more)

    async def _ask(self, relation: Relation, kind: Kind, condition: str, *known: str | None) -> None:
        compared = {each.column: each.where for each in self._compared.about(relation) if not each.is_sure}
        found = await unclear.question(self._catalogue, relation, kind, condition, known, compared)
        if found is not None:
            self._asking.add(found[0], found[1], kind.guess)
