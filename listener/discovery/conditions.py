"""Rules over rows: students, active enrollments, available courses."""

import json
from dataclasses import dataclass, replace

from listener.catalogue.catalogue import Catalogue, Column, Relation
from listener.catalogue.columns import few, find_column
from listener.discovery import states, vocabulary, wording
from listener.discovery.evidence import Choice
from listener.discovery.references import AUTH_USERS
from listener.discovery.states import equals_one_of, ranked
from listener.errors import Undecided, WhoIsAStudent, WrongSetting
from listener.mapping.lists import assignments, listed, listing
from listener.mapping.mapping import column as of_row
from listener.mapping.mapping import readable
from listener.row_text import columns_of
from listener.settings import PREFIX
from listener.sql import literal

EVERYONE = "or LISTENER_STUDENT_PREDICATE=true: everyone is"


@dataclass(frozen=True)
class Rule:
    """A condition on a row, and the reason. A condition of our own writes the row as `{row}` and leaves literals
    untyped, so the condition outlives a change of the column's type. A `given` condition is the user's SQL, over bare
    columns.
    """

    condition: str
    choice: Choice
    column: str | None = None
    values: tuple[str, ...] = ()
    setting: str = "this condition"
    given: bool = False


def status_columns(relation: Relation) -> list[Column]:
    """Columns that tell a status, best first: columns with usual names; words of a fixed list, under a name that ends
    like a usual name; numbers."""
    named = ranked(relation, vocabulary.STATUS_COLUMNS)
    usual = [each for each in named if each.is_word or each.is_boolean]
    others = [
        each
        for each in relation.columns.values()
        if each.is_word and each.allowed and wording.snake(each.name).split("_")[-1] in vocabulary.STATUS_WORDS
    ]
    return usual or others or [each for each in named if each.is_number]


def _parsed(text: str) -> dict[str, str]:
    """The words in a JSON object, by their keys."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def also(rule: Rule, conditions: list[str]) -> Rule:
    """A rule of our own, with further conditions on columns that it does not read, and told so."""
    read = {*columns_of(rule.condition)}
    conditions = [each for each in conditions if not read.issuperset(columns_of(each))]
    if not conditions:
        return rule
    parts = [*([] if rule.condition == "true" else [rule.condition]), *conditions]
    also = ", ".join(readable(each) for each in conditions)
    reason = also if rule.condition == "true" else f"{rule.choice.reason}; and {also}"
    return replace(rule, condition=" and ".join(parts), choice=replace(rule.choice, reason=reason))


class Rules:
    """Finds the rules of an LMS, from schema, values and settings."""

    def __init__(self, catalogue: Catalogue, given: dict[str, str]) -> None:
        self._catalogue = catalogue
        self._given = given

    async def role(self, relation: Relation) -> Rule | None:
        """The rule for students, by a column of `relation`; None if no column says. Raises Undecided."""
        name = self._given.get("student_column")
        columns = (
            [find_column(relation, name, "student_column")]
            if name
            else [column for column in ranked(relation, vocabulary.ROLE_COLUMNS) if column.is_word]
        )
        if relation.table == AUTH_USERS and not name:
            columns = []  # auth.users' `role` is the API's: `authenticated` for every account
        for column in columns:
            values, reason = await self._values(relation, column, "student_values", vocabulary.STUDENTS)
            if values:
                return self._rule("students", column, values, 90 if column.allowed else 75, reason, "student_values")
        flags = [column for column in ranked(relation, vocabulary.STUDENT_FLAGS) if column.is_boolean]
        if flags:
            return self._rule("students", flags[0], ("true",), 80, "a flag of that name", "student_column")
        if columns:
            raise WhoIsAStudent(
                reason=await self._seen(relation, columns[0]),
                setting=f"LISTENER_STUDENT_VALUES{await self._sounding(relation, columns[0])} ({EVERYONE})",
            )
        return None

    def role_in_other_words(self, relation: Relation) -> None:
        """Raise Undecided if a column tells roles, but not in words: then not everyone is a student."""
        for column in ranked(relation, (*vocabulary.ROLE_REFERENCES, *vocabulary.ROLE_COLUMNS)):
            reference = relation.reference(column.name)
            if column.is_boolean or (column.is_word and reference is None):
                continue
            says = f"is {column.type}" if reference is None else f"refers to {reference[0].label}"
            raise WhoIsAStudent(
                reason=f"{relation.table.label}.{column.name} {says}",
                setting=f"LISTENER_STUDENT_PREDICATE to a condition on {column.name} ({EVERYONE})",
            )

    async def role_in_json(self, relation: Relation) -> None:
        """Raise Undecided if a JSON column tells roles, by its default or the rows' values."""
        for column in relation.columns.values():
            known = await self._catalogue.values(relation, column) if column.type in ("json", "jsonb") else ()
            for document in map(_parsed, known):
                name = next((each for each in document if each in vocabulary.ROLE_COLUMNS), None)
                if name is not None:
                    raise WhoIsAStudent(
                        reason=f"{relation.table.label}.{column.name} has {name}, like {document[name]}",
                        setting=f"LISTENER_STUDENT_PREDICATE to a condition like {column.name} ->> {literal(name)} ="
                        f" 'student' ({EVERYONE})",
                    )
            is_empty = not any(map(_parsed, known)) and relation.table != AUTH_USERS
            if column.type == "jsonb" and is_empty and wording.says(column.name, vocabulary.ROLE_DOCUMENTS):
                raise WhoIsAStudent(
                    reason=f"nothing says so, and {await self._shown(relation, column)} may",
                    setting=f"LISTENER_STUDENT_PREDICATE to a condition on {column.name} ({EVERYONE})",
                )

    async def role_under_another_name(self, relation: Relation) -> None:
        """Raise Undecided if another column may tell roles: then not everyone is a student."""
        column = self.like_a_role(relation)
        if column is not None:
            raise WhoIsAStudent(
                reason=f"{await self._shown(relation, column)} may say it",
                setting=f"LISTENER_STUDENT_PREDICATE to a condition on {column.name} ({EVERYONE})",
            )

    @staticmethod
    def like_a_role(relation: Relation) -> Column | None:
        """A column that may tell roles, by its values, or by its name."""
        told = frozenset(vocabulary.STUDENTS_ALONE) | vocabulary.ROLE_FLAGS
        of_students = wording.says(relation.table.name, frozenset(vocabulary.STUDENTS_ALONE))
        for column in relation.columns.values():
            if relation.reference(column.name) is not None or column.name in relation.primary_key:
                continue
            known = (*column.allowed, *([] if column.default_value is None else [column.default_value]))
            by_value = not column.is_boolean and any(wording.says(each, told) for each in known)
            by_name = not (column.is_time or of_students) and (
                wording.says(column.name, vocabulary.ROLE_WORDS)
                or (column.is_number and wording.says(column.name, vocabulary.ROLE_FLAGS))
            )
            if by_value or by_name:
                return column
        return None

    async def _shown(self, relation: Relation, column: Column) -> str:
        known = await self._catalogue.values(relation, column)
        return f"{relation.table.label}.{column.name} ({column.type}: {few(known) if known else 'no value yet'})"

    async def role_elsewhere(self, tables: list[tuple[Relation, str]]) -> None:
        """Raise Undecided if another table's column knows students."""
        for relation, name in tables:
            known = await self._catalogue.values(relation, relation.columns[name])
            # Of a list, each value is a list.
            if wording.matching(tuple(each.strip("{}") for each in known), vocabulary.STUDENTS_ALONE):
                raise WhoIsAStudent(
                    reason=f"no column of the profiles says so, and {relation.table.label}.{name} may",
                    setting=f"LISTENER_STUDENT_TABLE={relation.table.label} if it does ({EVERYONE})",
                )

    async def person(self, profiles: Relation, *, beside_roles: bool) -> Rule:
        """The rule for people who have not left, in any role: beside a table of roles, or as given."""
        setting, text = PREFIX + "PERSON_PREDICATE", self._given.get("person_predicate")
        if text is not None:
            return Rule(text, Choice("person", 100, setting), setting=setting, given=True)
        nothing = Rule("true", Choice("person", 80, "nothing says that somebody has left"))
        return also(nothing, await states.of_person(self._catalogue, profiles)) if beside_roles else nothing

    async def status(self, relation: Relation) -> Rule:
        """The rule for active enrollments. Raises Undecided."""
        if self._given.get("enrollment_status") == "none":
            return Rule("true", Choice("active", 100, "LISTENER_ENROLLMENT_STATUS"))
        text = self._given.get("active_predicate")
        if text is not None:
            return await self._given_active(relation, text)
        found = states.not_gone(relation, vocabulary.DROPPED, vocabulary.DROPPED_FLAGS)
        # A flag that a new row has not is left: nothing would be written there, so it is asked about.
        flags = [each for each in ranked(relation, vocabulary.ONLY_THESE) if each.is_boolean]
        found += [f"{of_row(each.name)} is not false" for each in flags if each.default != "false"]
        return also(await self._by_status(relation), [*await self._as_students(relation), *found])

    async def _given_active(self, relation: Relation, condition: str) -> Rule:
        """The given condition. The status for a new enrollment is found, if possible."""
        setting = PREFIX + "ACTIVE_PREDICATE"
        try:
            rule = await self._by_status(relation)
        except Undecided:
            rule = Rule("true", Choice("active", 100, setting))
        return replace(rule, condition=condition, choice=Choice("active", 100, setting), setting=setting, given=True)

    async def _as_students(self, relation: Relation) -> list[str]:
        """The condition that an enrollment is a student's, where teachers have rows there, too. Raises Undecided."""
        for column in ranked(relation, vocabulary.ROLES_IN_A_COURSE):
            known = await self._catalogue.values(relation, column) if column.is_word else ()
            students = wording.matching(known, vocabulary.STUDENTS_ALONE)
            if not students or len(known) == len(students):
                continue
            given = [name for _, name, _ in assignments(self._given.get("enrollment_values") or "")]
            if column.default_value not in students and column.name not in given:
                raise Undecided(
                    what=f"which {column.name} to write into {relation.table.label}",
                    reason=f"it tells students from others ({few(known)}), and new rows have no such default",
                    setting=f'LISTENER_ENROLLMENT_VALUES="{column.name}={literal(students[0])}"',
                )
            return [equals_one_of(column, students)]
        return []

    async def _by_status(self, relation: Relation) -> Rule:
        """The rule by the column that tells a status, if there is such a column."""
        name = self._given.get("enrollment_status")
        columns = [find_column(relation, name, "enrollment_status")] if name else status_columns(relation)
        if not columns:
            if "active_values" in self._given:
                raise WrongSetting(
                    name="LISTENER_ACTIVE_VALUES", problem="needs LISTENER_ENROLLMENT_STATUS, the column that has them"
                )
            return Rule("true", Choice("active", 80, "enrollments have no status"))
        column = columns[0]
        if column.is_boolean and "active_values" not in self._given:
            flag = self._rule("active", column, ("true",), 85, "a flag", "enrollment_status")
            return replace(flag, column=None, values=()) if column.generated else flag  # then nothing is written there
        wanted: tuple[str, ...] = vocabulary.PAID if "payment" in wording.words(column.name) else vocabulary.ACTIVE
        if wording.matching(await self._catalogue.values(relation, column), vocabulary.UNSETTLED):
            wanted += vocabulary.SETTLED
        values, reason = await self._values(relation, column, "active_values", wanted)
        if not values:
            raise Undecided(
                what="which enrollments are active",
                reason=await self._seen(relation, column),
                setting="LISTENER_ACTIVE_VALUES (or LISTENER_ENROLLMENT_STATUS=none: all are)",
            )
        if "active_values" not in self._given and values[0] not in vocabulary.SETTLED:
            begun = vocabulary.under_way(await self._catalogue.values(relation, column))
            values = tuple(dict.fromkeys([*values, *begun]))
        found = self._rule("active", column, values, 90 if column.allowed else 75, reason, "active_values")
        return replace(found, column=None, values=()) if column.generated else found

    async def published(self, relation: Relation) -> Rule:
        """The rule for courses that students may land in. Raises Undecided."""
        text = self._given.get("publish_predicate")
        if text is not None:
            setting = "LISTENER_PUBLISH_PREDICATE"
            return Rule(text, Choice("published", 100, setting), setting=setting, given=True)
        return also(await self._by_publishing(relation), states.of_course(relation))

    async def _by_publishing(self, relation: Relation) -> Rule:
        """The rule by the column that tells publication, if there is such a column."""
        columns = [column for column in ranked(relation, vocabulary.PUBLISH_STATUS) if column.is_word]
        for column in columns:
            values = wording.matching(await self._catalogue.values(relation, column), vocabulary.PUBLISHED)
            if values:
                condition = equals_one_of(column, values[:1] if column.allowed else values)
                return Rule(condition, Choice("published", 85, f"the value of {column.name} that says so"))
        flags = [column for column in ranked(relation, vocabulary.PUBLISH_FLAGS) if column.is_boolean]
        if flags:
            return Rule(f"{of_row(flags[0].name)} is true", Choice("published", 85, "a flag of that name"))
        if columns:
            raise Undecided(
                what="which courses are published",
                reason=await self._seen(relation, columns[0]),
                setting="LISTENER_PUBLISH_PREDICATE (`true` is all of them)",
            )
        for each in ranked(relation, vocabulary.PUBLISH_TIMES):
            if each.is_time:
                condition = f"{of_row(each.name)} <= {states.now_as(each)}"
                return Rule(condition, Choice("published", 80, f"{each.name}: a time of that name, which has come"))
        return Rule("true", Choice("published", 70, "courses have nothing that says published"))

    async def _values(
        self, relation: Relation, column: Column, setting: str, wanted: tuple[str, ...]
    ) -> tuple[tuple[str, ...], str]:
        given = self._given.get(setting)
        if given is not None:
            values = listed(given)
            unknown = [value for value in values if column.allowed and value not in column.allowed]
            if unknown or not values:
                raise WrongSetting(
                    name=PREFIX + setting.upper(),
                    problem=f"{column.name} may not be {', '.join(unknown) or 'nothing'}, "
                    f"only {', '.join(column.allowed) or 'something'}",
                )
            return values, f"LISTENER_{setting.upper()}"
        known = await self._catalogue.values(relation, column)
        matching = wording.matching(known, wanted)
        if matching and column.allowed:
            return matching[:1], "the value in the schema that says so"
        if matching == (column.default_value,):
            return matching, "the default says so"
        if matching:
            return matching, "the value in the rows that says so"
        slips = tuple(value for value in known if wording.alike(value, wanted[:2]))
        if slips and setting != "active_values":  # the values of `active_values` are written
            return slips, "a value that nearly says so"
        return (), ""

    async def _sounding(self, relation: Relation, column: Column) -> str:
        """Values with a word for a student among further words, as the setting takes values."""
        known = await self._catalogue.values(relation, column)
        found = [
            value
            for value in known
            if wording.says(value, frozenset(vocabulary.STUDENTS_ALONE)) and not wording.says(value, vocabulary.NOT)
        ]
        return f"={listing(found)}" if found else ""

    async def _seen(self, relation: Relation, column: Column) -> str:
        """The reason why the values of a column do not tell."""
        known = await self._catalogue.values(relation, column)
        if not known:
            return f"{relation.table.label}.{column.name} may be any {column.type}, and no row has a value yet"
        return f"{relation.table.label}.{column.name} has no such value, only {few(known)}"

    @staticmethod
    def _rule(what: str, column: Column, values: tuple[str, ...], score: int, reason: str, setting: str) -> Rule:
        return Rule(
            equals_one_of(column, values),
            Choice(what, score, f"{column.name}: {reason}"),
            column.name,
            values,
            PREFIX + setting.upper(),
        )
