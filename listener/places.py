"""Where an LMS keeps people, enrollments and courses: foreign keys first, then names, then types."""

from dataclasses import dataclass

from listener import words
from listener.catalogue import Catalogue, Relation
from listener.choices import Candidate, best
from listener.errors import ShapeNotUnderstood, TableNotFound, WrongSetting
from listener.mapping import Table
from listener.rules import find_column, ranked
from listener.settings import PREFIX

AUTH_USERS = Table("auth", "users")
REFERENCE_NAMES = frozenset({"username", "uid", *words.PEOPLE})
LEAST_ENROLLMENT = 60


@dataclass(frozen=True)
class Reference:
    """A column of enrollments and what it refers to, by a foreign key or by its looks."""

    column: str
    table: Table
    key: str
    by_foreign_key: bool


@dataclass(frozen=True)
class Enrollments:
    """The table of enrollments, and its two references."""

    relation: Relation
    person: Reference
    course: Reference


class Places:
    """Finds the tables of one LMS, from its schema and what the settings say."""

    def __init__(self, catalogue: Catalogue, given: dict[str, str]) -> None:
        self._catalogue = catalogue
        self._given = given
        self._tables = [
            relation
            for relation in catalogue.tables
            if relation.table.schema not in INNER_SCHEMAS or relation.table == AUTH_USERS
        ]

    def set_table(self, setting: str) -> Relation | None:
        """The table that a setting names, or None if it is not set. Raises WrongSetting."""
        name = self._given.get(setting)
        if name is None:
            return None
        parts = [part.strip('"') for part in name.split(".")]
        exact = [
            relation
            for relation in self._catalogue.relations.values()
            if parts in ([relation.table.name], [relation.table.schema, relation.table.name])
        ]
        folded = [
            relation
            for relation in self._catalogue.relations.values()
            if name.lower() in (relation.table.name.lower(), f"{relation.table.schema}.{relation.table.name}".lower())
        ]
        found = exact or folded
        public = [relation for relation in found if relation.table.schema == "public"]
        if not found:
            raise WrongSetting(name=PREFIX + setting.upper(), problem=f"there is no table {name!r}")
        if len(found) > 1 and len(public) != 1:
            tables = ", ".join(relation.table.label for relation in found)
            raise WrongSetting(name=PREFIX + setting.upper(), problem=f"could be any of {tables}")
        relation = found[0] if len(found) == 1 else public[0]
        if not relation.is_table:
            raise WrongSetting(
                name=PREFIX + setting.upper(), problem=f"{relation.table.label} is not a table: triggers need one"
            )
        return relation

    def enrollments(self) -> Enrollments:
        """Where enrollments are kept. Raises TableNotFound, ShapeNotUnderstood, Ambiguous, WrongSetting."""
        asked = self.set_table("enrollment_table")
        candidates = []
        for relation in [asked] if asked else self._tables:
            course = best(
                self._courses(relation), f"which column of {relation.table.label} is the course", ENROLLMENT_COURSE
            )
            if course is None or (asked is None and course.thing.table == relation.table):
                continue
            person = best(
                self._people(relation), f"which column of {relation.table.label} is the student", ENROLLMENT_PROFILE
            )
            if person is None:
                continue
            score, reason = _named_for_enrollments(relation.table.name)
            score += course.score + person.score - 40
            score += 5 if relation.is_unique(course.thing.column, person.thing.column) else 0
            found = Enrollments(relation, person.thing, course.thing)
            why = f"{reason}; {person.name}: {person.reason}; {course.name}: {course.reason}"
            candidates.append(Candidate(found, relation.table.label, 100 if asked else score, why))
        if asked and not candidates:
            raise ShapeNotUnderstood(
                what="the references",
                table=asked.table.label,
                reason="set LISTENER_ENROLLMENT_PROFILE and LISTENER_ENROLLMENT_COURSE, and their tables",
            )
        chosen = best(candidates, "where enrollments are kept", "LISTENER_ENROLLMENT_TABLE", LEAST_ENROLLMENT)
        if chosen is None:
            raise TableNotFound(
                what="enrollments", reason="no table refers to both people and courses; set LISTENER_ENROLLMENT_TABLE"
            )
        self.reason = chosen.reason
        self.score = min(100, chosen.score)
        return chosen.thing

    def _courses(self, relation: Relation) -> list[Candidate[Reference]]:
        asked = self.set_table("course_table")
        return self._references(relation, asked, words.COURSES, words.COURSES, "enrollment_course", "course_key")

    def _people(self, relation: Relation) -> list[Candidate[Reference]]:
        asked = self.set_table("profile_table")
        return self._references(relation, asked, words.PEOPLE, REFERENCE_NAMES, "enrollment_profile", "profile_key")

    def _references(
        self,
        relation: Relation,
        asked: Relation | None,
        tables: frozenset[str],
        names: frozenset[str],
        column_setting: str,
        key_setting: str,
    ) -> list[Candidate[Reference]]:
        set_column = self._given.get(column_setting)
        columns = [find_column(relation, set_column, column_setting)] if set_column else list(relation.columns.values())
        found = []
        for column in columns:
            named = words.says(column.name, names)
            score = (15 if named else 0) - (30 if words.says(column.name, words.SOMEONE_ELSE) else 0)
            score += 40 if set_column else 0
            reference = relation.reference(column.name)
            if reference is not None:
                table, key = reference
                fits = table in ((asked.table,) if asked else ()) or words.all_among(table.name, tables)
                if not fits and not set_column and not (asked and named):
                    continue
                target = self._catalogue.relations.get(table)
                if target is None:
                    continue
                if asked and asked.table != table and not self._links(asked, table):
                    key = self._key_of(asked, column.name, column.family, key_setting) or key
                    table = asked.table
                thing = Reference(column.name, table, key, by_foreign_key=True)
                found.append(Candidate(thing, column.name, score + 45, f"refers to {table.label}"))
            elif named or set_column:
                target = asked or self._by_name(tables, relation, column.family)
                if target is None:
                    continue
                key_name = self._key_of(target, column.name, column.family, key_setting)
                if key_name is None:
                    continue
                thing = Reference(column.name, target.table, key_name, by_foreign_key=False)
                found.append(
                    Candidate(thing, column.name, score + 30, f"is named for {target.table.label}, no foreign key")
                )
        return found

    def _by_name(self, vocabulary: frozenset[str], beside: Relation, family: str) -> Relation | None:
        fitting = [
            relation
            for relation in self._tables
            if words.all_among(relation.table.name, vocabulary)
            and relation.table != beside.table
            and any(column.family == family for column in relation.columns.values())
        ]
        return min(fitting, key=lambda each: _place(each.table, beside.table), default=None)

    def _key_of(self, target: Relation, column: str, family: str, setting: str) -> str | None:
        """The column of `target` that a reference without a foreign key means."""
        if setting in self._given:
            return find_column(target, self._given[setting], setting).name
        same = target.columns.get(column)
        if same is not None and same.family == family and target.is_unique(column):
            return column
        if target.key is not None and target.key.family == family:
            return target.key.name
        unique = [
            each for key in target.unique if len(key) == 1 for each in key if target.columns[each].family == family
        ]
        return unique[0] if unique else None

    def profiles(self, enrollments: Enrollments) -> tuple[Relation, str, str]:
        """(the table of profiles, its key, why). Raises WrongSetting, ShapeNotUnderstood, Ambiguous."""
        asked = self.set_table("profile_table")
        referred = self._catalogue.relations[enrollments.person.table]
        why = "enrollments refer to it" if enrollments.person.by_foreign_key else "named for people"
        relation, key = referred, enrollments.person.key
        linked = [
            (other, self._links(other, referred.table))
            for other in self._tables
            if other.table not in (referred.table, enrollments.relation.table)
            and (other.table == asked.table if asked else words.all_among(other.table.name, words.PEOPLE))
        ]
        candidates = [
            Candidate((other, link), other.table.label, 50 + _points(other.table), f"extends {referred.table.label}")
            for other, link in linked
            if link is not None and enrollments.person.by_foreign_key
        ]
        if asked is None and referred.table == AUTH_USERS and not candidates:
            column = referred.columns[key]
            candidates = [
                Candidate((other, found), other.table.label, 50 + _points(other.table), "named for people")
                for other, _ in linked
                for found in [self._key_of(other, enrollments.person.column, column.family, "profile_key")]
                if found is not None
            ]
        wants_link = referred.table == AUTH_USERS or not ranked(referred, (*words.ROLE_COLUMNS, *words.STUDENT_FLAGS))
        if asked and asked.table == referred.table:
            wants_link = False
        if not wants_link:
            candidates = []
        elif referred.table != AUTH_USERS and asked is None:
            candidates = [each for each in candidates if ranked(each.thing[0], words.ROLE_COLUMNS)]
        chosen = best(candidates, "where profiles are kept", "LISTENER_PROFILE_TABLE")
        if chosen is not None:
            relation, key, why = chosen.thing[0], chosen.thing[1], chosen.reason
        elif asked and asked.table != referred.table:
            raise WrongSetting(
                name="LISTENER_PROFILE_TABLE",
                problem=f"enrollments refer to {referred.table.label}, and nothing links {asked.table.label} to that",
            )
        if "profile_key" in self._given:
            key = find_column(relation, self._given["profile_key"], "profile_key").name
        self._check(enrollments, relation, key, enrollments.person.column, "profile")
        return relation, key, why

    def courses(self, enrollments: Enrollments) -> tuple[Relation, str, str]:
        """(the table of courses, its key, why). Raises WrongSetting, ShapeNotUnderstood."""
        relation, key = self._catalogue.relations[enrollments.course.table], enrollments.course.key
        if "course_key" in self._given:
            key = find_column(relation, self._given["course_key"], "course_key").name
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

    @staticmethod
    def _links(other: Relation, target: Table) -> str | None:
        """The unique column of `other` by which it extends `target`."""
        for column in other.columns:
            reference = other.reference(column)
            if reference and reference[0] == target and other.is_unique(column):
                return column
        return None

    def role_table(self, profiles: Relation, person: Table) -> tuple[Relation, str] | None:
        """(a table of roles, its column that refers to the profile); None if there is none. Raises WrongSetting."""
        asked = self.set_table("student_table")
        if asked is not None and asked.table == profiles.table:
            return None
        for relation in [asked] if asked else self._tables:
            if asked is None and not ("role" in words.words(relation.table.name) and relation.table != profiles.table):
                continue
            name = self._given.get("student_key") if asked else None
            if name is not None:
                return relation, find_column(relation, name, "student_key").name
            for column in relation.columns:
                reference = relation.reference(column)
                by_looks = reference is None and words.says(column, REFERENCE_NAMES) and column != "id"
                if (reference and reference[0] in (profiles.table, person)) or by_looks:
                    return relation, column
            if asked:
                raise WrongSetting(
                    name="LISTENER_STUDENT_KEY", problem=f"must say which column of {asked.table.label} is the profile"
                )
        return None


INNER_SCHEMAS = words.some(
    "auth storage realtime supabase_functions supabase_migrations vault graphql graphql_public extensions pgsodium "
    "cron net pgbouncer"
)

ENROLLMENT_COURSE = "LISTENER_ENROLLMENT_COURSE"
ENROLLMENT_PROFILE = "LISTENER_ENROLLMENT_PROFILE"


def _named_for_enrollments(name: str) -> tuple[int, str]:
    score, reason = -25, "its references"
    if words.says(name, words.ENROLLMENTS):
        score, reason = 40, "its name"
    elif words.says(name, words.MEMBERSHIPS):
        score, reason = 10 + (5 if words.says(name, words.COURSES) else 0), "its name"
    return score - (40 if words.says(name, words.ASIDE) else 0), reason


def _points(table: Table) -> int:
    return 30 if "profile" in words.words(table.name) else 10


def _place(table: Table, beside: Table) -> tuple[bool, bool, int, str]:
    return table == AUTH_USERS, table.schema != beside.schema, -_points(table), table.name
