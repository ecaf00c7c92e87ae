"""Columns that refer to people and courses: by foreign keys first, then by names and types."""

from dataclasses import dataclass, replace

from listener.catalogue.catalogue import Catalogue, Relation
from listener.catalogue.columns import find_column
from listener.discovery import vocabulary, wording
from listener.discovery.evidence import CLOSE, Candidate
from listener.errors import WrongSetting
from listener.mapping.mapping import Table
from listener.settings import PREFIX

AUTH_USERS = Table("auth", "users")
"""Supabase's table of logins."""


AUTH_OWNER = "supabase_auth_admin"

REFERENCE_NAMES = frozenset({"username", "uid", *vocabulary.PEOPLE})
KEYS = vocabulary.some("id uuid key ref fk")
"""Further words in the name of a column that refers."""
INNER_SCHEMAS = vocabulary.some(
    "auth storage realtime supabase_functions supabase_migrations vault graphql graphql_public extensions pgsodium "
    "cron net pgbouncer"
)


@dataclass(frozen=True)
class Reference:
    """A column of enrollments and the referenced key, by a foreign key or by looks."""

    column: str
    table: Table
    key: str
    by_foreign_key: bool


class References:
    def __init__(self, catalogue: Catalogue, given: dict[str, str]) -> None:
        self.catalogue = catalogue
        self.given = given
        self.tables = [
            relation
            for relation in catalogue.tables
            if (relation.table.schema not in INNER_SCHEMAS and catalogue.is_looked_at(relation))
            or (relation.table == AUTH_USERS and _is_of_supabase(relation, catalogue))
        ]
        self._of_django = any(table.name == "django_migrations" for table in catalogue.relations)

    def said(self, table: Table) -> str:
        """A table's name as people would say it: Django has put an app's name before the model's, and takes a model's
        words for one (`school_studentprofile`)."""
        _, _, model = table.name.partition("_")
        return vocabulary.apart(model) if self._of_django and model else table.name

    def set_table(self, setting: str) -> Relation | None:
        """The table named by a setting, or None without that setting. Raises WrongSetting."""
        name = self.given.get(setting)
        if name is None:
            return None
        parts = [part.strip('"') for part in name.split(".")]
        relations = self.catalogue.relations.values()
        found = (
            [each for each in relations if name in (each.table.label, str(each.table))]
            or [each for each in relations if parts in ([each.table.name], [each.table.schema, each.table.name])]
            or [each for each in relations if name.lower() in (each.table.name.lower(), each.table.label.lower())]
        )
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

    def course_references(self, relation: Relation) -> list[Candidate[Reference]]:
        """Columns that may hold a course's key. Raises WrongSetting."""
        asked = self.set_table("course_table")
        return self._references(
            relation, asked, vocabulary.COURSES, vocabulary.COURSES, "enrollment_course", "course_key"
        )

    def people_references(self, relation: Relation) -> list[Candidate[Reference]]:
        """Columns that may hold a person's key. Raises WrongSetting."""
        asked = self.set_table("profile_table")
        return self._references(
            relation, asked, vocabulary.PEOPLE, REFERENCE_NAMES, "enrollment_profile", "profile_key"
        )

    def _references(
        self,
        relation: Relation,
        asked: Relation | None,
        tables: frozenset[str],
        names: frozenset[str],
        column_setting: str,
        key_setting: str,
    ) -> list[Candidate[Reference]]:
        set_column = self.given.get(column_setting)
        columns = list(relation.columns.values())
        if set_column:
            try:
                columns = [find_column(relation, set_column, column_setting)]
            except WrongSetting:
                if self._is_meant(relation):
                    raise
                return []
        found = []
        for column in columns:
            named = wording.says(column.name, names)
            score = (15 if named else 0) - (30 if wording.says(column.name, vocabulary.SOMEONE_ELSE) else 0)
            score += 40 if set_column else 0
            reference = relation.reference(column.name)
            if reference is not None:

                def fits(table: Table) -> bool:
                    return (asked is not None and table == asked.table) or wording.all_among(self.said(table), tables)

                table, key = reference if fits(reference[0]) else self._carried(relation, column.name) or reference
                if not fits(table) and not set_column and not (asked and named):
                    continue
                target = self.catalogue.relations.get(table)
                if target is None:
                    continue
                if asked and asked.table != table and not self.links(asked, table):
                    key = self.key_of(asked, column.name, column.family, key_setting) or key
                    table = asked.table
                thing = Reference(column.name, table, key, by_foreign_key=True)
                found.append(Candidate(thing, column.name, score + 45, f"refers to {table.label}"))
            elif named or set_column:
                target = asked or self._by_name(tables, relation, column.family)
                if target is None:
                    continue
                key_name = self.key_of(target, column.name, column.family, key_setting)
                if key_name is None:
                    continue
                thing = Reference(column.name, target.table, key_name, by_foreign_key=False)
                found.append(
                    Candidate(thing, column.name, score + 30, f"is named for {target.table.label}, no foreign key")
                )
        plain = {each.name for each in found if wording.all_among(each.name, names | KEYS)}
        if set_column or not plain:
            return found
        return [
            each if each.name in plain else replace(each, score=each.score - CLOSE) for each in found
        ]  # `course_id`, rather than `previous_course_id` or `course_title`

    def _carried(self, relation: Relation, column: str) -> tuple[Table, str] | None:
        """What a column in a foreign key of several columns refers to by way of a table of members: `(school_id,
        user_id)` refers to a member, and the member's `user_id` to the person."""
        for foreign_key in relation.foreign_keys:
            if column in foreign_key.columns and len(foreign_key.columns) > 1:
                between = self.catalogue.relations.get(foreign_key.table)
                other = foreign_key.referenced[foreign_key.columns.index(column)]
                return None if between is None else between.reference(other)
        return None

    def _is_meant(self, relation: Relation) -> bool:
        """Whether settings about enrollments can only be about `relation`."""
        asked = self.set_table("enrollment_table")
        if asked is not None:
            return asked.table == relation.table
        name = relation.table.name
        return wording.says(name, vocabulary.ENROLLMENTS) and not wording.says(name, vocabulary.ASIDE)

    def _by_name(self, known: frozenset[str], beside: Relation, family: str) -> Relation | None:
        fitting = [
            relation
            for relation in self.tables
            if wording.all_among(self.said(relation.table), known)
            and relation.table != beside.table
            and any(column.family == family for column in relation.columns.values())
        ]
        return min(fitting, key=lambda each: place(each.table, beside.table), default=None)

    def key_of(self, target: Relation, column: str, family: str, setting: str) -> str | None:
        """The column of `target` that a reference without a foreign key means."""
        if setting in self.given:
            return find_column(target, self.given[setting], setting).name
        same = target.columns.get(column)
        if same is not None and same.family == family and target.is_unique(column):
            return column
        if target.key is not None and target.key.family == family:
            return target.key.name
        unique = [
            each for key in target.unique if len(key) == 1 for each in key if target.columns[each].family == family
        ]
        return unique[0] if unique else None

    @staticmethod
    def links(other: Relation, target: Table) -> str | None:
        """The unique column by which `other` extends `target`."""
        for column in other.columns:
            reference = other.reference(column)
            if reference and reference[0] == target and other.is_unique(column):
                return column
        return None


def _is_of_supabase(relation: Relation, catalogue: Catalogue) -> bool:
    """Whether a table called auth.users is Supabase's, or a candidate for the LMS's."""
    return relation.by_superuser or relation.owner == AUTH_OWNER or catalogue.is_looked_at(relation)


def points(table: Table) -> int:
    return 30 if "profile" in wording.words(table.name) else 10


def place(table: Table, beside: Table) -> tuple[bool, bool, int, str]:
    return table == AUTH_USERS, table.schema != beside.schema, -points(table), table.name
