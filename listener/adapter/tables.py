"""Where an LMS keeps people, enrollments and courses: foreign keys first, then names, then types."""

from dataclasses import dataclass

from listener.adapter import vocabulary
from listener.adapter.catalogue import Relation
from listener.adapter.evidence import CLOSE, LEAST, Candidate, best
from listener.adapter.mapping import Table
from listener.adapter.references import REFERENCE_NAMES, Reference, References, points
from listener.adapter.rules import AUTH_USERS, few, find_column, ranked
from listener.errors import Ambiguous, ListenerError, ShapeNotUnderstood, TableNotFound, WrongSetting

LEAST_ENROLLMENT = 60
REFERENCE = 60
"""The score of a column that is named for what it refers to."""


@dataclass(frozen=True)
class Enrollments:
    """The table of enrollments, and its two references."""

    relation: Relation
    person: Reference
    course: Reference


class Places(References):
    """Finds the tables of one LMS, from its schema and what the settings say."""

    def enrollments(self) -> Enrollments:
        """Where enrollments are kept. Raises TableNotFound, ShapeNotUnderstood, Ambiguous, WrongSetting."""
        asked = self.set_table("enrollment_table")
        candidates: list[Candidate[Enrollments]] = []
        unclear: list[tuple[int, bool, ListenerError]] = []
        """How well each of the tables that are no candidates as they stand would fit, whether it refers to courses, and
        what is to be said of it."""
        for relation in [asked] if asked else self.tables:
            try:
                found = self._enrollments_in(relation, asked)
            except Ambiguous as error:
                if asked:
                    raise
                unclear.append((self._likeness(relation), True, error))
                continue
            if found is not None:
                candidates.append(found)
                continue
            between = self._between(relation, asked)
            if between is not None:
                unclear.append((self._likeness(relation), False, between))
        if asked and not candidates:
            if unclear:
                raise unclear[0][2]
            raise ShapeNotUnderstood(
                what="the references",
                table=asked.table.label,
                reason="set LISTENER_ENROLLMENT_PROFILE and LISTENER_ENROLLMENT_COURSE, and their tables",
            )
        likeness, _, problem = max(unclear, key=lambda each: each[:2], default=(0, False, None))
        if problem is not None and likeness >= LEAST_ENROLLMENT:
            # No other may take its place unless it fits as well.
            candidates = [each for each in candidates if each.score > likeness - CLOSE]
            if not any(each.score >= LEAST_ENROLLMENT for each in candidates):
                raise problem
        chosen = best(candidates, "where enrollments are kept", "LISTENER_ENROLLMENT_TABLE", LEAST_ENROLLMENT)
        if chosen is None:
            raise TableNotFound(
                what="enrollments",
                reason=f"no table {self._nearest(candidates)}; set LISTENER_ENROLLMENT_TABLE",
            )
        self.reason = chosen.reason
        self.score = min(100, chosen.score)
        return chosen.thing

    def _enrollments_in(self, relation: Relation, asked: Relation | None) -> Candidate[Enrollments] | None:
        """A table as that of the enrollments; None if it does not refer to both. Raises Ambiguous."""
        label = relation.table.label
        people = self.people_references(relation)
        if max((each.score for each in people), default=0) < LEAST:
            return None
        course = best(self.course_references(relation), f"which column of {label} is the course", ENROLLMENT_COURSE)
        if course is None or (asked is None and course.thing.table == relation.table):
            return None
        person = best(people, f"which column of {label} is the student", ENROLLMENT_PROFILE)
        if person is None:
            return None
        score, reason = _named_for_enrollments(relation.table.name)
        score += course.score + person.score - 40
        score += 5 if relation.is_unique(course.thing.column, person.thing.column) else 0
        found = Enrollments(relation, person.thing, course.thing)
        why = f"{reason}; {person.name}: {person.reason}; {course.name}: {course.reason}"
        return Candidate(found, label, 100 if asked else score, why)

    def _likeness(self, relation: Relation) -> int:
        """The score that a table would have if its references were clear."""
        people = max((each.score for each in self.people_references(relation)), default=0)
        courses = max((each.score for each in self.course_references(relation)), default=REFERENCE)
        return _named_for_enrollments(relation.table.name)[0] + people + courses - 40

    def _between(self, relation: Relation, asked: Relation | None) -> ShapeNotUnderstood | None:
        """What is to be said of a table that is named for enrollments, or was asked for, and refers to people and to
        something that is no course, but may belong to one: a class. None of any other table."""
        named = vocabulary.says(relation.table.name, vocabulary.ENROLLMENTS)
        named = named and not vocabulary.says(relation.table.name, vocabulary.ASIDE)
        if not (asked or named) or self.given.keys() & {"course_table", "enrollment_course"}:
            return None
        people = {each.thing.column for each in self.people_references(relation) if each.score >= LEAST}
        if not people or any(each.score >= LEAST for each in self.course_references(relation)):
            return None
        found = []
        for column in relation.columns:
            reference = relation.reference(column)
            other = None if reference is None else self.catalogue.relations.get(reference[0])
            if (
                other is None
                or column in people
                or vocabulary.says(column, vocabulary.SOMEONE_ELSE | vocabulary.OF_ALL)
            ):
                continue
            if not vocabulary.all_among(other.table.name, vocabulary.PEOPLE):
                courses = [each.thing for each in self.course_references(other) if each.thing.by_foreign_key]
                found.append((column, other.table.label, courses[0] if courses else None))
        through = [each for each in found if each[2] is not None] or found
        if not through:
            return None
        described = " and ".join(
            f"{label} ({column})" + (f", which refers to {course.table.label} ({course.column})" if course else "")
            for column, label, course in through
        )
        tables = " or ".join(dict.fromkeys(label for _, label, _ in through))
        return ShapeNotUnderstood(
            what="the course",
            table=relation.table.label,
            reason=f"people are enrolled in {described}. Set LISTENER_COURSE_TABLE={tables}: new students then land in "
            "one of those, each with its own count. Or set LISTENER_ENROLLMENT_TABLE to a table that refers to courses",
        )

    @staticmethod
    def _nearest(candidates: list[Candidate[Enrollments]]) -> str:
        """What no table does."""
        if not candidates:
            return "refers to both people and courses"
        nearest = sorted(candidates, key=lambda each: (-each.score, each.name))
        names = few(tuple(each.name for each in nearest))
        return f"that refers to both people and courses is named for enrollments (these refer to both: {names})"

    def profiles(self, enrollments: Enrollments) -> tuple[Relation, str, str]:
        """(the table of profiles, its key, why). Raises WrongSetting, ShapeNotUnderstood, Ambiguous."""
        asked = self.set_table("profile_table")
        referred = self.catalogue.relations[enrollments.person.table]
        why = "enrollments refer to it" if enrollments.person.by_foreign_key else "named for people"
        relation, key = referred, enrollments.person.key
        linked = [
            (other, self.links(other, referred.table))
            for other in self.tables
            if other.table not in (referred.table, enrollments.relation.table)
            and (other.table == asked.table if asked else vocabulary.all_among(other.table.name, vocabulary.PEOPLE))
        ]
        candidates = [
            Candidate((other, link), other.table.label, 50 + points(other.table), f"extends {referred.table.label}")
            for other, link in linked
            if link is not None and enrollments.person.by_foreign_key
        ]
        if asked is None and referred.table == AUTH_USERS and not candidates:
            column = referred.columns[key]
            candidates = [
                Candidate((other, found), other.table.label, 50 + points(other.table), "named for people")
                for other, _ in linked
                for found in [self.key_of(other, enrollments.person.column, column.family, "profile_key")]
                if found is not None
            ]
        wants_link = referred.table == AUTH_USERS or not ranked(
            referred, (*vocabulary.ROLE_COLUMNS, *vocabulary.STUDENT_FLAGS)
        )
        if asked and asked.table == referred.table:
            wants_link = False
        if not wants_link:
            candidates = []
        elif referred.table != AUTH_USERS and asked is None:
            candidates = [each for each in candidates if ranked(each.thing[0], vocabulary.ROLE_COLUMNS)]
        chosen = best(candidates, "where profiles are kept", "LISTENER_PROFILE_TABLE")
        if chosen is not None:
            relation, key, why = chosen.thing[0], chosen.thing[1], chosen.reason
        elif asked and asked.table != referred.table:
            raise WrongSetting(
                name="LISTENER_PROFILE_TABLE",
                problem=f"enrollments refer to {referred.table.label}, and nothing links {asked.table.label} to that",
            )
        if "profile_key" in self.given:
            key = find_column(relation, self.given["profile_key"], "profile_key").name
        self._check(enrollments, relation, key, enrollments.person.column, "profile")
        return relation, key, why

    def courses(self, enrollments: Enrollments) -> tuple[Relation, str, str]:
        """(the table of courses, its key, why). Raises WrongSetting, ShapeNotUnderstood."""
        relation, key = self.catalogue.relations[enrollments.course.table], enrollments.course.key
        if "course_key" in self.given:
            key = find_column(relation, self.given["course_key"], "course_key").name
        self._check(enrollments, relation, key, enrollments.course.column, "course")
        return relation, key, "enrollments refer to it" if enrollments.course.by_foreign_key else "named for courses"

    @staticmethod
    def _check(enrollments: Enrollments, relation: Relation, key: str, column: str, what: str) -> None:
        kinds = enrollments.relation.columns[column], relation.columns[key]
        if kinds[0].family != kinds[1].family:
            raise ShapeNotUnderstood(
                what=f"the {what}",
                table=enrollments.relation.table.label,
                reason=f"{column} is {kinds[0].type}, and {relation.table.label}.{key} is {kinds[1].type}",
            )
        if not relation.is_unique(key) and not relation.partitioned:
            raise ShapeNotUnderstood(
                what=f"the key of a {what}",
                table=relation.table.label,
                reason=f"{key} is not unique: set LISTENER_{what.upper()}_KEY to a column that is",
            )

    def role_table(self, profiles: Relation, person: Table) -> tuple[Relation, str] | None:
        """(a table of roles, its column that refers to the profile); None if there is none. Raises WrongSetting."""
        asked = self.set_table("student_table")
        if asked is not None and asked.table == profiles.table:
            return None
        for relation in [asked] if asked else self.tables:
            if asked is None and not (
                "role" in vocabulary.words(relation.table.name) and relation.table != profiles.table
            ):
                continue
            name = self.given.get("student_key") if asked else None
            if name is not None:
                return relation, find_column(relation, name, "student_key").name
            for column in relation.columns:
                reference = relation.reference(column)
                by_looks = reference is None and vocabulary.says(column, REFERENCE_NAMES) and column != "id"
                if (reference and reference[0] in (profiles.table, person)) or by_looks:
                    return relation, column
            if asked:
                raise WrongSetting(
                    name="LISTENER_STUDENT_KEY", problem=f"must say which column of {asked.table.label} is the profile"
                )
        return None

    def that_may_say_roles(self, profiles: Relation, person: Table, enrollments: Table) -> list[tuple[Relation, str]]:
        """(another table with a role for people, that column): nobody can tell whether it is theirs in the school."""
        return [
            (relation, column.name)
            for relation in self.tables
            if relation.table not in (profiles.table, enrollments)
            and not vocabulary.says(relation.table.name, vocabulary.ASIDE)
            if any((relation.reference(name) or (None,))[0] in (profiles.table, person) for name in relation.columns)
            for column in ranked(relation, ("role", "user_role", "member_role"))
            if column.is_word
        ]


ENROLLMENT_COURSE = "LISTENER_ENROLLMENT_COURSE"
ENROLLMENT_PROFILE = "LISTENER_ENROLLMENT_PROFILE"


def _named_for_enrollments(name: str) -> tuple[int, str]:
    score, reason = -35, "its references"
    if vocabulary.says(name, vocabulary.ENROLLMENTS):
        score, reason = 40, "its name"
    elif vocabulary.says(name, vocabulary.MEMBERSHIPS):
        score, reason = 10 + (5 if vocabulary.says(name, vocabulary.COURSES) else 0), "its name"
    return score - (40 if vocabulary.says(name, vocabulary.ASIDE) else 0), reason
