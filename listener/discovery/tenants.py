"""Several schools in one database: how a person and a course lead to the same school."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from listener.catalogue.catalogue import Catalogue, Column, Relation
from listener.catalogue.columns import find_column
from listener.catalogue.comparisons import Comparisons
from listener.discovery import vocabulary, wording
from listener.discovery.enrollments import Enrollments
from listener.discovery.evidence import Choice
from listener.discovery.references import AUTH_USERS, REFERENCE_NAMES, References
from listener.discovery.tables import Tables
from listener.errors import Undecided, WrongSetting
from listener.mapping.mapping import Table
from listener.mapping.pinning import NO_TENANT, way
from listener.mapping.tenant import Tenant

SETTING = "LISTENER_TENANT"
ALL_TOGETHER = f"or {SETTING}={NO_TENANT}: all students land in the same course"
DECIDED = {"wanted_query", "default_course", "default_course_view"}
"""Settings by which a person says where students land."""

SOMEONE_ELSES = vocabulary.SOMEONE_ELSE - vocabulary.KEY_WORDS - {"owner"}
"""Words of columns for another school than the row's own."""

NAME = r'(?:"(?:[^"]|"")+"|[^".()=\s]+)'
PLACE = rf"({NAME}(?:\.{NAME})?)(?:\s*\(\s*({NAME})\s*\))?\s*\.\s*({NAME})"
GIVEN = re.compile(rf"\s*{PLACE}\s*=\s*{PLACE}\s*")


@dataclass(frozen=True)
class Way:
    """How people lead to a school: rows of a table with the key of a person, and that of a school."""

    relation: Relation
    person: str
    column: str
    course_column: str


@dataclass(frozen=True)
class School:
    """Facts about schools."""

    way: Way
    choice: Choice
    of_enrollments: str | None
    """The enrollment's own column for the school."""

    def tenant(self, courses: Relation, condition: str) -> Tenant:
        of_course, of_person = courses.columns[self.way.course_column], self.way.relation.columns[self.way.column]
        return Tenant(
            self.way.relation.table,
            self.way.person,
            of_person.name,
            of_course.name,
            of_course.type,
            of_person.type,
            condition,
            may_be_none=not (of_course.not_null or of_person.not_null),
        )


class Schools:
    """Finds how people and courses lead to schools, from the schema and the settings."""

    def __init__(
        self,
        catalogue: Catalogue,
        finder: Tables,
        compared: Comparisons,
        profiles: Relation,
        key: str,
        courses: Relation,
        made: Enrollments,
    ) -> None:
        self._catalogue, self._finder = catalogue, finder
        both = {*compared.by_policy(profiles)} & {*compared.by_policy(courses)}
        self._by_policy = {name for name in both if not wording.says(name, vocabulary.PEOPLE | SOMEONE_ELSES)}
        self._profiles, self._key, self._courses, self._made = profiles, key, courses, made

    async def find(self, asked: dict[str, str], role: tuple[Relation, str] | None) -> School | None:
        """None: there is a single school, or a setting says where students land. Raises Undecided, WrongSetting."""
        given = asked.get("tenant")
        if given == NO_TENANT or (given is None and (asked.keys() & DECIDED or asked.get("actions") == "count")):
            return None
        if given is not None:
            self._check_alone(asked)
            return self._school(self._given(given), 100, SETTING)
        ways = self._of_the_rule(list(self._ways(role)), role)
        if len(ways) == 1:
            return self._school(ways[0], 90, self._why(ways[0]))
        if ways:
            said = " and ".join(f"{each.relation.table.label}.{each.column}" for each in ways)
            examples = " or ".join(f"{SETTING}={self.setting(each)}" for each in ways)
            raise Undecided(
                what="which school a person is in", reason=f"{said} say it", setting=f"{examples} ({ALL_TOGETHER})"
            )
        self._ask_if_there_are_any()
        return None

    def setting(self, found: Way) -> str:
        """LISTENER_TENANT for that way."""
        tenant = Tenant(found.relation.table, found.person, found.column, found.course_column, "", "")
        return way(tenant, self._profiles.table, self._courses.table)

    def _school(self, found: Way, score: int, why: str) -> School:
        own, usual = self._made.relation, (self._made.person.column, self._made.course.column)
        columns = (
            name
            for name, column in own.columns.items()
            if name not in usual and not column.generated and self._same(found.course_column, own, name)
        )
        return School(found, Choice("school", score, why), next(columns, None))

    def _why(self, found: Way) -> str:
        school = self._courses.reference(found.course_column)
        return "both are named alike" if school is None else f"both refer to {school[0].label}"

    def _ways(self, role: tuple[Relation, str] | None) -> Iterator[Way]:
        for of_course in self._of_courses():
            for name in self._profiles.columns:
                if name != self._key and self._same(of_course, self._profiles, name):
                    yield Way(self._profiles, self._key, name, of_course)
            for relation, person in self._memberships(role):
                for name in relation.columns:
                    if name != person and self._same(of_course, relation, name):
                        yield Way(relation, person, name, of_course)

    @staticmethod
    def _of_the_rule(ways: list[Way], role: tuple[Relation, str] | None) -> list[Way]:
        """Of several ways, the table of roles, which names the school of each role; and memberships rather than the
        school that is looked at now."""
        by_role = [each for each in ways if role is not None and each.relation.table == role[0].table]
        lasting = [each for each in ways if not wording.says(each.column, vocabulary.FOR_NOW)]
        return by_role if len(by_role) == 1 else lasting or ways

    def _of_courses(self) -> list[str]:
        """Columns of courses that hold a school's key."""
        return [
            name
            for name in self._courses.columns
            if self._is_school(self._courses, name)
            or (name in self._by_policy and name not in self._courses.primary_key)
        ]

    def _is_school(self, relation: Relation, name: str) -> bool:
        column, reference = relation.columns[name], relation.reference(name)
        if (name,) == relation.primary_key or wording.says(name, SOMEONE_ELSES):
            return False
        if reference is not None:
            named = wording.all_among(self._finder.said(reference[0]), vocabulary.OF_ALL)
            return named and reference[0] not in (self._profiles.table, relation.table)
        if not wording.says(name, vocabulary.OF_ALL):
            return False
        return wording.all_among(name, vocabulary.OF_ALL | vocabulary.KEY_WORDS) and _is_key(column)

    def _same(self, of_course: str, relation: Relation, name: str) -> bool:
        """Whether a column leads where that of the courses does."""
        own, other = self._courses.columns[of_course], relation.columns[name]
        if own.family != other.family or wording.says(name, SOMEONE_ELSES):
            return False
        school, referred = self._referred(self._courses, of_course), self._referred(relation, name)
        if school is not None and referred is not None:
            return school == referred
        return wording.snake(of_course) == wording.snake(name)

    def _referred(self, relation: Relation, name: str) -> tuple[Table, str] | None:
        """What a column refers to in the end: a key of several columns may lead there by way of a person or course."""
        found = relation.reference(name)
        for between in (self._profiles, self._courses):
            if found is not None and found[0] == between.table and found[1] in between.columns:
                found = between.reference(found[1]) or found
        return found

    def _memberships(self, role: tuple[Relation, str] | None) -> Iterator[tuple[Relation, str]]:
        """(table, column for the person) of tables that place people in schools."""
        if role is not None:
            yield role
        person = self._made.person
        if person.table not in (self._profiles.table, AUTH_USERS):
            yield self._catalogue.relations[person.table], person.key
        others = (person.table, self._profiles.table, self._courses.table, self._made.relation.table)
        for relation in self._finder.tables:
            name = self._finder.said(relation.table)
            if relation.table in others or (role is not None and relation.table == role[0].table):
                continue
            if wording.all_among(name, vocabulary.BELONGING) and not wording.all_among(name, vocabulary.OF_ALL):
                column = self._person_of(relation)
                if column is not None:
                    yield relation, column

    def _person_of(self, relation: Relation) -> str | None:
        """The column that refers to the person."""
        people = self._finder.people(self._profiles, self._key, self._made.person.table)
        named = [name for name in relation.columns if not wording.says(name, vocabulary.SOMEONE_ELSE)]
        referring = [name for name in named if (relation.reference(name) or (None,))[0] in people]
        own = self._profiles.columns[self._key]
        by_looks = [
            name
            for name in named
            if relation.reference(name) is None
            and wording.says(name, REFERENCE_NAMES)
            and not wording.says(name, vocabulary.OF_ALL)
            and name != "id"
            and relation.columns[name].family == own.family
        ]
        return next(iter([*referring, *by_looks]), None)

    def _given(self, text: str) -> Way:
        """The way in LISTENER_TENANT. Raises WrongSetting."""
        match = GIVEN.fullmatch(text)
        if match is None or match[5] is not None:
            raise WrongSetting(
                name=SETTING,
                problem=f"{text!r} is not like profiles.org_id=courses.org_id, nor like"
                " members(user_id).org_id=courses.org_id",
            )
        relation, of_course = self._table(match[1]), self._table(match[4])
        if of_course.table != self._courses.table:
            raise WrongSetting(name=SETTING, problem=f"must end in a column of {self._courses.table.label}")
        column = find_column(relation, match[3], "tenant")
        course_column = find_column(self._courses, match[6], "tenant")
        if column.family != course_column.family:
            raise WrongSetting(
                name=SETTING,
                problem=f"{column.name} is {column.type}, and {course_column.name} is {course_column.type}: they cannot"
                " be compared",
            )
        if match[2] is not None:
            person: str | None = find_column(relation, match[2], "tenant").name
        elif relation.table == self._profiles.table:
            person = self._key
        else:
            person = self._person_of(relation)
        if person is None:
            example = f"{relation.table.label}(COLUMN).{column.name}={self._courses.table.label}.{course_column.name}"
            raise WrongSetting(
                name=SETTING, problem=f"must say which column of {relation.table.label} is the person: {example}"
            )
        if relation.columns[person].family != self._profiles.columns[self._key].family:
            raise WrongSetting(name=SETTING, problem=f"{person} cannot be compared with {self._key} of the profiles")
        if relation.table in (self._courses.table, self._made.relation.table):
            raise WrongSetting(name=SETTING, problem=f"{relation.table.label} does not say which school a person is in")
        return Way(relation, person, column.name, course_column.name)

    def _table(self, name: str) -> Relation:
        found = References(self._catalogue, {"tenant": name}).set_table("tenant")
        assert found is not None
        return found

    @staticmethod
    def _check_alone(asked: dict[str, str]) -> None:
        other = next((name for name in sorted(DECIDED) if name in asked), None)
        if other is not None:
            raise WrongSetting(
                name=SETTING,
                problem=f"says that each school has its own course; LISTENER_{other.upper()} says where all land: unset"
                " one",
            )

    def _ask_if_there_are_any(self) -> None:
        """Raise Undecided if courses belong to schools, and people are not seen to, or both do in a roundabout way."""
        courses, profiles = self._courses, self._profiles
        apart = f"LISTENER_WANTED_QUERY to a query that keeps schools apart ({ALL_TOGETHER})"
        for of_course in self._of_courses():
            school = (courses.reference(of_course) or (None,))[0]
            through = None if school is None else next(self._roundabout(profiles, school), None)
            if through is not None:
                raise Undecided(
                    what="which school a person is in",
                    reason=f"{courses.table.label}.{of_course} says which school a course belongs to, and people lead"
                    f" there by {through}",
                    setting=apart,
                )
            raise Undecided(
                what="which school a person is in",
                reason=f"{courses.table.label}.{of_course} says which school a course belongs to, and nothing"
                f" that leads there is seen in {profiles.table.label} or in a table of members",
                setting=f"{SETTING}=TABLE(PERSON).COLUMN={courses.table.setting}.{of_course}, or {apart}",
            )
        for name in profiles.columns:
            reference = profiles.reference(name)
            if reference is None or not self._is_school(profiles, name):
                continue
            through = next(self._roundabout(courses, reference[0]), None)
            if through is not None:
                raise Undecided(
                    what="which school a course belongs to",
                    reason=f"{profiles.table.label}.{name} refers to {reference[0].label}, and courses lead there"
                    f" by {through}",
                    setting=apart,
                )

        for of_course in self._courses.columns:
            for name in self._profiles.columns:
                if self._may_be_school(of_course) and name != self._key and self._same(of_course, self._profiles, name):
                    found = Way(self._profiles, self._key, name, of_course)
                    raise Undecided(
                        what="whether each school has its own courses",
                        reason=f"{self._profiles.table.label}.{name} and {self._courses.table.label}.{of_course} may"
                        f" say the school: {self._why(found)}",
                        setting=f"{SETTING}={self.setting(found)} ({ALL_TOGETHER})",
                    )

    def _may_be_school(self, of_course: str) -> bool:
        """Whether a column of courses may say the school, where people have one like it."""
        column, maybe = self._courses.columns[of_course], vocabulary.MAYBE_TENANTS | vocabulary.OF_ALL
        if (of_course,) == self._courses.primary_key or not wording.says(of_course, maybe) or column.is_boolean:
            return False
        return self._courses.reference(of_course) is not None or wording.all_among(
            of_course, maybe | vocabulary.KEY_WORDS | {"name"}
        )

    def _roundabout(self, relation: Relation, school: Table) -> Iterator[str]:
        """Tables between a table of people or courses and a school."""
        for column in relation.columns:
            reference = relation.reference(column)
            between = None if reference is None else self._catalogue.relations.get(reference[0])
            if between is not None and between.table not in (relation.table, school):
                for name in between.columns:
                    if (between.reference(name) or (None,))[0] == school:
                        yield between.table.label
        for each in self._finder.tables:
            referred = {(each.reference(name) or (None,))[0] for name in each.columns}
            if referred - {None} == {relation.table, school}:
                yield each.table.label


def _is_key(column: Column) -> bool:
    """Whether a column without a foreign key looks like a key."""
    last = wording.snake(column.name).split("_")[-1]
    is_key = last in vocabulary.KEY_WORDS or wording.says(column.name, vocabulary.TENANTS)
    return column.family in ("uuid", "integer") or (column.family == "text" and is_key)
