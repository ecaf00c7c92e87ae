"""Finds the table of enrollments: by foreign keys first, then by names, then by types."""

from dataclasses import dataclass

from listener.catalogue.catalogue import Relation
from listener.catalogue.columns import few, find_column
from listener.discovery import vocabulary, wording
from listener.discovery.evidence import CLOSE, LEAST, Candidate, best
from listener.discovery.references import Reference, References
from listener.errors import Ambiguous, ListenerError, ShapeNotUnderstood, TableNotFound, Undecided
from listener.mapping.mapping import Table
from listener.settings import PREFIX

LEAST_ENROLLMENT = 60
REFERENCE = 60
"""Score of a column that is named for a reference."""

SETTING = "LISTENER_ENROLLMENT_TABLE"
ENROLLMENT_COURSE = "LISTENER_ENROLLMENT_COURSE"
ENROLLMENT_PROFILE = "LISTENER_ENROLLMENT_PROFILE"


@dataclass(frozen=True)
class Enrollments:
    relation: Relation
    person: Reference
    course: Reference


class EnrollmentTables(References):
    """Finds the table of enrollments, from the schema and the settings."""

    def enrollments(self) -> Enrollments:
        """Raises TableNotFound, ShapeNotUnderstood, Ambiguous, WrongSetting."""
        asked = self.set_table("enrollment_table")
        candidates: list[Candidate[Enrollments]] = []
        unclear: list[tuple[int, bool, ListenerError]] = []
        """Of each table that is not yet a candidate: the likely score, whether the table refers to courses, and the
        error."""
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
                reason=self._no_key(asked) or f"set {' and '.join(self._missing())}",
            )
        likeness, _, problem = max(unclear, key=lambda each: each[:2], default=(0, False, None))
        if problem is not None and likeness >= LEAST_ENROLLMENT:
            # Another table may take the place only with as good a score.
            candidates = [each for each in candidates if each.score > likeness - CLOSE]
            if not any(each.score >= LEAST_ENROLLMENT for each in candidates):
                raise problem
        chosen = best(candidates, "where enrollments are kept", SETTING, LEAST_ENROLLMENT)
        if chosen is None:
            raise TableNotFound(
                what="enrollments",
                reason=self._nearest(candidates)
                if self.tables
                else "this database has no tables: perhaps it is not the right one",
            )
        if asked is None:
            _check_no_payments(chosen.thing.relation, self.said(chosen.thing.relation.table))
        self.reason = chosen.reason
        self.score = min(100, chosen.score)
        return chosen.thing

    def _enrollments_in(self, relation: Relation, asked: Relation | None) -> Candidate[Enrollments] | None:
        """The table as a candidate; None unless the table refers to both people and courses. Raises Ambiguous."""
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
        score, reason = self._named_for_enrollments(relation.table)
        score += course.score + person.score - 40
        score += 5 if relation.is_unique(course.thing.column, person.thing.column) else 0
        found = Enrollments(relation, person.thing, course.thing)
        why = f"{reason}; {person.name}: {person.reason}; {course.name}: {course.reason}"
        return Candidate(found, label, 100 if asked else score, why)

    def course_references(self, relation: Relation) -> list[Candidate[Reference]]:
        """Without columns that are only named for a course and may be empty, where something else that people are
        enrolled in must be there: then that is meant."""
        found = super().course_references(relation)
        if "course_table" in self.given and any(each.thing.by_foreign_key for each in found):
            return [each for each in found if each.thing.by_foreign_key]
        if self.given.keys() & {"enrollment_course", "course_table"} or any(
            each.thing.by_foreign_key for each in found
        ):
            return found
        people = {each.thing.column for each in self.people_references(relation)}
        must = any(
            relation.columns[name].not_null and name not in people and self._is_of_a_course(relation, name)
            for name in relation.columns
        )
        return [each for each in found if relation.columns[each.thing.column].not_null or not must]

    def _is_of_a_course(self, relation: Relation, column: str) -> bool:
        """Whether a column refers to something that people can be enrolled in."""
        reference = relation.reference(column)
        other = None if reference is None else self.catalogue.relations.get(reference[0])
        if other is None or wording.says(column, vocabulary.SOMEONE_ELSE | vocabulary.OF_ALL):
            return False
        owners = vocabulary.PEOPLE | vocabulary.OF_ALL | vocabulary.ROLE_FLAGS
        return not wording.all_among(self.said(other.table), owners)

    def _likeness(self, relation: Relation) -> int:
        """The table's score if the references were clear."""
        people = max((each.score for each in self.people_references(relation)), default=0)
        courses = max((each.score for each in self.course_references(relation)), default=REFERENCE)
        return self._named_for_enrollments(relation.table)[0] + people + courses - 40

    def _between(self, relation: Relation, asked: Relation | None) -> ShapeNotUnderstood | None:
        """The error about a table that was asked for, or is named for enrollments, and refers to people and to a part
        of a course: a class. None for any other table."""
        named = wording.says(self.said(relation.table), vocabulary.ENROLLMENTS)
        named = named and not wording.says(relation.table.name, vocabulary.ASIDE)
        if not (asked or named):
            return None
        if not self.given.keys() & {"profile_table", "enrollment_profile"}:
            others = self._other_people(relation)
            if others:
                tables = " or ".join(others)
                return ShapeNotUnderstood(
                    what="the student",
                    table=relation.table.label,
                    reason=f"it refers to courses and to {tables}. Set LISTENER_PROFILE_TABLE={tables} if people are"
                    f" kept there{'' if asked else f', or else {SETTING}'}",
                )
        if self.given.keys() & {"course_table", "enrollment_course"}:
            return None
        through = self._through(relation)
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

    def _other_people(self, relation: Relation) -> list[str]:
        """Other tables that must be referred to, where a reference is to courses and none to people: employees."""
        courses = {each.thing.column for each in self.course_references(relation) if each.thing.by_foreign_key}
        if not courses or any(each.score >= LEAST for each in self.people_references(relation)):
            return []
        found = [
            relation.reference(name)
            for name, column in relation.columns.items()
            if name not in courses and column.not_null
        ]
        return list(dict.fromkeys(each[0].label for each in found if each is not None))

    def _through(self, relation: Relation) -> list[tuple[str, str, Reference | None]]:
        """What else than courses people are enrolled in, by a table: (the column, the other table, its course)."""
        people = {each.thing.column for each in self.people_references(relation) if each.score >= LEAST}
        if not people or any(each.score >= LEAST for each in self.course_references(relation)):
            return []
        found = []
        for column in relation.columns:
            reference = relation.reference(column)
            other = None if reference is None else self.catalogue.relations.get(reference[0])
            if other is None or column in people or not self._is_of_a_course(relation, column):
                continue
            courses = [each.thing for each in super().course_references(other) if each.thing.by_foreign_key]
            found.append((column, other.table.label, courses[0] if courses else None))
        return [each for each in found if each[2] is not None or relation.columns[each[0]].not_null] or found

    def _named_for_enrollments(self, table: Table) -> tuple[int, str]:
        name, score, reason = self.said(table), -35, "its references"
        if wording.says(name, vocabulary.ENROLLMENTS):
            score, reason = 40, "its name"
        elif wording.says(name, vocabulary.MEMBERSHIPS):
            score, reason = 10 + (5 if wording.says(name, vocabulary.COURSES) else 0), "its name"
        return score - (40 if wording.says(table.name, vocabulary.ASIDE) else 0), reason

    def _missing(self) -> list[str]:
        """Settings that would say the references, and are not given."""
        names = ("enrollment_profile", "profile_table", "enrollment_course", "course_table")
        return [PREFIX + each.upper() for each in names if each not in self.given] or [SETTING]

    def _no_key(self, relation: Relation) -> str | None:
        """Why a column that was given refers to no row of a table that was given, if that is so."""
        for column_setting, what in (("enrollment_profile", "profile"), ("enrollment_course", "course")):
            name, target = self.given.get(column_setting), self.set_table(f"{what}_table")
            if name is None or target is None:
                continue
            column = find_column(relation, name, column_setting)
            if self.key_of(target, column.name, column.family, f"{what}_key") is None:
                keys = [target.columns[each] for each in target.primary_key]
                if len(keys) == 1 and keys[0].family != column.family:
                    return (
                        f"{column.name} is {column.type}, and {target.table.label}.{keys[0].name} is {keys[0].type}:"
                        " they cannot be compared. Give both the same type"
                    )
                key = f"its key is ({', '.join(target.primary_key)})" if keys else "it has no key"
                return (
                    f"{column.name} is {column.type}, and no column of {target.table.label} is that and unique by"
                    f" itself: {key}. Add a unique constraint on the one that {column.name} means"
                )
        return None

    def _nearest(self, candidates: list[Candidate[Enrollments]]) -> str:
        """The reason why no table was chosen, and what to set."""
        if not candidates:
            reason = "no table refers to both people and courses"
            for relation in self.tables:
                if wording.says(self.said(relation.table), vocabulary.MEMBERSHIPS):
                    for _, other, _ in self._through(relation):
                        return (
                            f"{reason}. {relation.table.label} refers to people and to {other}: set"
                            f" LISTENER_COURSE_TABLE={other} if that is what people are enrolled in, or else {SETTING}"
                        )
            return f"{reason}; set {SETTING}"
        nearest = sorted(candidates, key=lambda each: (-each.score, each.name))
        names = few(tuple(each.name for each in nearest))
        return (
            "no table that refers to both people and courses is named for enrollments (these refer to both:"
            f" {names}); set {SETTING}"
        )


def _check_no_payments(relation: Relation, name: str) -> None:
    """Raise Undecided for a table that is not named for enrollments, and has an amount of money or is named for a
    payment or a request: each sign-up would write a payment that no person made."""
    if wording.says(name, vocabulary.ENROLLMENTS):
        return
    money = [name for name in relation.columns if wording.rank(name, vocabulary.AMOUNTS) is not None]
    if money or wording.says(name, vocabulary.BEFORE_ENROLLING):
        looks = f"its {money[0]} looks like a payment" if money else "is named for what is paid or asked for before"
        raise Undecided(
            what="where enrollments are kept",
            reason=f"{relation.table.label} refers to people and courses, and {looks}",
            setting=f"{SETTING}={relation.table.setting} if a row there, made for each new student, is an enrollment",
        )
