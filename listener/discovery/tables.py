"""Finds the tables of people, courses and roles, beginning at the references of the enrollments."""

from listener.catalogue.catalogue import Relation
from listener.catalogue.columns import find_column
from listener.discovery import vocabulary, wording
from listener.discovery.enrollments import Enrollments, EnrollmentTables
from listener.discovery.evidence import Candidate, best
from listener.discovery.references import AUTH_USERS, REFERENCE_NAMES, points
from listener.discovery.states import ranked
from listener.errors import ShapeNotUnderstood, WrongSetting
from listener.mapping.mapping import Table


class Tables(EnrollmentTables):
    def profiles(self, enrollments: Enrollments) -> tuple[Relation, str, str]:
        """(the table of profiles, the key, the reason). Raises WrongSetting, ShapeNotUnderstood, Ambiguous."""
        asked = self.set_table("profile_table")
        referred = self.catalogue.relations[enrollments.person.table]
        why = "enrollments refer to it" if enrollments.person.by_foreign_key else "named for people"
        relation, key = referred, enrollments.person.key
        linked = [
            (other, self.links(other, referred.table))
            for other in self.tables
            if other.table not in (referred.table, enrollments.relation.table)
            and (other.table == asked.table if asked else wording.all_among(self.said(other.table), vocabulary.PEOPLE))
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
        """(the table of courses, the key, the reason). Raises WrongSetting, ShapeNotUnderstood."""
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
                reason=f"{key} is not unique{_and_what_is(relation)}: set LISTENER_{what.upper()}_KEY to a column that"
                " is",
            )

    @staticmethod
    def people(profiles: Relation, profile_key: str, person: Table) -> tuple[Table, ...]:
        """Tables whose references hold keys of profiles: also the table that the profile's key refers to."""
        extended = profiles.reference(profile_key)
        return (profiles.table, person, *([] if extended is None else [extended[0]]))

    def role_table(self, profiles: Relation, people: tuple[Table, ...]) -> tuple[Relation, str] | None:
        """(a table of roles, the column that refers to the profile); None without such a table. Raises WrongSetting."""
        asked = self.set_table("student_table")
        if asked is not None and asked.table == profiles.table:
            return None
        for relation in [asked] if asked else sorted(self.tables, key=_says_no_role):
            if asked is None and not (
                "role" in wording.words(relation.table.name) and relation.table != profiles.table
            ):
                continue
            name = self.given.get("student_key") if asked else None
            if name is not None:
                return relation, find_column(relation, name, "student_key").name
            models = [each.name for each in ranked(relation, vocabulary.MODEL_KEYS)]
            for column in (*relation.columns, *models):
                reference = relation.reference(column)
                by_looks = reference is None and wording.says(column, REFERENCE_NAMES) and column != "id"
                is_model = column in models and ranked(relation, vocabulary.MODEL_TYPES)
                is_of_person = (reference and reference[0] in people) or by_looks or is_model
                if is_of_person and not wording.says(column, vocabulary.SOMEONE_ELSE):
                    return relation, column
            if asked:
                raise WrongSetting(
                    name="LISTENER_STUDENT_KEY", problem=f"must say which column of {asked.table.label} is the profile"
                )
        return None

    def that_may_say_roles(
        self, profiles: Relation, people: tuple[Table, ...], enrollments: Table
    ) -> list[tuple[Relation, str]]:
        """(another table with a role for people, the column): the role may be in the school, or not."""
        return [
            (relation, column.name)
            for relation in self.tables
            if relation.table not in (profiles.table, enrollments)
            and not wording.says(relation.table.name, vocabulary.ASIDE)
            if any((relation.reference(name) or (None,))[0] in people for name in relation.columns)
            for column in ranked(relation, ("role", "roles", "user_role", "member_role"))
            if column.is_word or column.type.endswith("[]")
        ]

    def of_some(self, people: tuple[Table, ...], names: frozenset[str]) -> list[Relation]:
        """Tables of such names with a row for some of the people: `teachers (user_id)`."""
        return [
            relation
            for relation in self.tables
            if relation.table not in people
            and wording.all_among(self.said(relation.table), names | {"profile"})
            and any(self.links(relation, each) for each in people)
        ]


def _says_no_role(relation: Relation) -> bool:
    """False for a table that has a column for a role: first among tables that are named for roles."""
    return not ranked(relation, (*vocabulary.ROLE_COLUMNS, *vocabulary.ROLE_REFERENCES))


def _and_what_is(relation: Relation) -> str:
    """Of a key of several columns: what would help, if no column is unique by itself."""
    if len(relation.primary_key) < 2 or any(len(each) == 1 for each in relation.unique):
        return ""
    return f" by itself, and no other column is: the key is ({', '.join(relation.primary_key)}). Make one unique, then"
