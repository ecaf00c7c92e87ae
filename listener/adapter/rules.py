"""Which rows count: who is a student, which enrollments are active, which courses can be had."""

from dataclasses import dataclass

from listener.adapter import vocabulary
from listener.adapter.catalogue import Catalogue, Column, Relation
from listener.adapter.evidence import Choice
from listener.adapter.mapping import Table
from listener.adapter.mapping import column as of_row
from listener.errors import Undecided, WrongSetting
from listener.settings import PREFIX
from listener.sql import literal

AUTH_USERS = Table("auth", "users")
"""Whom Supabase lets sign in."""

EVERYONE = "or LISTENER_STUDENT_PREDICATE=true: everyone is"
SHOWN = 12
"""Values that one line names."""


@dataclass(frozen=True)
class Rule:
    """A condition on a row, and why it was chosen.

    One of our own writes the row as `{row}` and leaves its literals untyped, so that it outlives a change of the
    column's type. One that is `given` is the user's SQL, over bare columns.
    """

    condition: str
    choice: Choice
    column: str | None = None
    values: tuple[str, ...] = ()
    setting: str = "this condition"
    given: bool = False


def listed(text: str) -> tuple[str, ...]:
    """The parts of a setting that are separated by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def few(values: tuple[str, ...]) -> str:
    """Values as one line names them."""
    shown = ", ".join(" ".join(value.split())[:40] for value in values[:SHOWN])
    return f"{shown} and {len(values) - SHOWN} more" if len(values) > SHOWN else shown


def equals_one_of(column: Column, values: tuple[str, ...]) -> str:
    """The condition that a column has one of these values."""
    if column.is_boolean and len(values) == 1:
        return f"{of_row(column.name)} is {'true' if values[0] == 'true' else 'not true'}"
    if column.ignores_case:
        return f"lower({of_row(column.name)}::text) in ({', '.join(f'lower({literal(value)})' for value in values)})"
    return f"{of_row(column.name)} in ({', '.join(map(literal, values))})"


def find_column(relation: Relation, name: str, setting: str) -> Column:
    """The column that a setting names. Raises WrongSetting, and says which there are."""
    plain = name.strip().strip('"')
    if plain in relation.columns:
        return relation.columns[plain]
    folded = [column for column in relation.columns.values() if column.name.lower() == plain.lower()]
    if len(folded) == 1:
        return folded[0]
    there = ", ".join(relation.columns)
    raise WrongSetting(
        name=PREFIX + setting.upper(), problem=f"{relation.table.label} has no column {plain!r}, only {there}"
    )


def ranked(relation: Relation, names: tuple[str, ...]) -> list[Column]:
    """The columns that have one of these names, best first."""
    places = {column.name: vocabulary.rank(column.name, names) for column in relation.columns.values()}
    found = [(place, name) for name, place in places.items() if place is not None]
    return [relation.columns[name] for _, name in sorted(found)]


class Rules:
    """Finds the rules of one LMS, from its schema, its values and what the settings say."""

    def __init__(self, catalogue: Catalogue, given: dict[str, str]) -> None:
        self._catalogue = catalogue
        self._given = given

    async def role(self, relation: Relation) -> Rule | None:
        """Who is a student, by one column of `relation`; None if it has none for that. Raises Undecided."""
        name = self._given.get("student_column")
        columns = (
            [find_column(relation, name, "student_column")]
            if name
            else [column for column in ranked(relation, vocabulary.ROLE_COLUMNS) if column.is_word]
        )
        if relation.table == AUTH_USERS and not name:
            columns = []  # its `role` is that of the API: `authenticated`, whoever it is
        for column in columns:
            values, reason = await self._values(relation, column, "student_values", vocabulary.STUDENTS)
            if values:
                return self._rule("students", column, values, 90 if column.allowed else 75, reason, "student_values")
        flags = [column for column in ranked(relation, vocabulary.STUDENT_FLAGS) if column.is_boolean]
        if flags:
            return self._rule("students", flags[0], ("true",), 80, "a flag of that name", "student_column")
        if columns:
            raise Undecided(
                what="who is a student",
                reason=await self._seen(relation, columns[0]),
                setting=f"LISTENER_STUDENT_VALUES ({EVERYONE})",
            )
        return None

    def role_in_other_words(self, relation: Relation) -> None:
        """Raises Undecided if a column says who is what, but not in words: then not everyone is a student."""
        for column in ranked(relation, vocabulary.ROLE_REFERENCES):
            reference = relation.reference(column.name)
            if column.is_boolean or (column.is_word and reference is None):
                continue
            says = f"is {column.type}" if reference is None else f"refers to {reference[0].label}"
            raise Undecided(
                what="who is a student",
                reason=f"{relation.table.label}.{column.name} {says}",
                setting=f"LISTENER_STUDENT_PREDICATE to a condition on {column.name} ({EVERYONE})",
            )

    async def role_elsewhere(self, tables: list[tuple[Relation, str]]) -> None:
        """Raises Undecided if another table's column knows students."""
        for relation, name in tables:
            known = await self._catalogue.values(relation, relation.columns[name])
            if self.matching(known, vocabulary.STUDENTS[: vocabulary.STUDENTS.index("user")]):
                raise Undecided(
                    what="who is a student",
                    reason=f"no column of the profiles says so, and {relation.table.label}.{name} may",
                    setting=f"LISTENER_STUDENT_TABLE={relation.table.label} if it does ({EVERYONE})",
                )

    async def conditions(self, relation: Relation) -> list[str]:
        """What else a profile must be, where a column says so plainly: not deleted, not suspended, active, approved."""
        found = [f"{of_row(each.name)} is null" for each in ranked(relation, vocabulary.GONE) if each.is_time]
        found += [
            f"{of_row(each.name)} is not true" for each in ranked(relation, vocabulary.NOT_THESE) if each.is_boolean
        ]
        found += [
            f"{of_row(each.name)} is not false" for each in ranked(relation, vocabulary.ONLY_THESE) if each.is_boolean
        ]
        for column in ranked(relation, vocabulary.APPROVALS):
            known = await self._catalogue.values(relation, column)
            approved = self.matching(known, vocabulary.APPROVED)
            if column.is_word and approved:
                found.append(equals_one_of(column, approved))
        return found

    async def status(self, relation: Relation) -> Rule:
        """Which enrollments are active. Raises Undecided."""
        name = self._given.get("enrollment_status")
        if name == "none":
            return Rule("true", Choice("active", 100, "LISTENER_ENROLLMENT_STATUS"))
        columns = (
            [find_column(relation, name, "enrollment_status")]
            if name
            else [each for each in ranked(relation, vocabulary.STATUS_COLUMNS) if each.is_word or each.is_boolean]
        )
        if not columns:
            if "active_values" in self._given:
                raise WrongSetting(
                    name="LISTENER_ACTIVE_VALUES", problem="needs LISTENER_ENROLLMENT_STATUS, the column that has them"
                )
            return Rule("true", Choice("active", 80, "enrollments have no status"))
        column = columns[0]
        if column.is_boolean and "active_values" not in self._given:
            return self._rule("active", column, ("true",), 85, "a flag", "enrollment_status")
        wanted: tuple[str, ...] = vocabulary.PAID if "payment" in vocabulary.words(column.name) else vocabulary.ACTIVE
        if self.matching(await self._catalogue.values(relation, column), vocabulary.UNSETTLED):
            wanted += vocabulary.SETTLED
        values, reason = await self._values(relation, column, "active_values", wanted)
        if not values:
            raise Undecided(
                what="which enrollments are active",
                reason=await self._seen(relation, column),
                setting="LISTENER_ACTIVE_VALUES (or LISTENER_ENROLLMENT_STATUS=none: all are)",
            )
        return self._rule("active", column, values, 90 if column.allowed else 75, reason, "active_values")

    async def published(self, relation: Relation) -> Rule:
        """Which courses students may land in. Raises Undecided."""
        text = self._given.get("publish_predicate")
        if text is not None:
            setting = "LISTENER_PUBLISH_PREDICATE"
            return Rule(text, Choice("published", 100, setting), setting=setting, given=True)
        gone = [f"{of_row(each.name)} is null" for each in ranked(relation, vocabulary.GONE) if each.is_time]
        columns = [column for column in ranked(relation, vocabulary.PUBLISH_STATUS) if column.is_word]
        for column in columns:
            values = self.matching(await self._catalogue.values(relation, column), vocabulary.PUBLISHED)
            if values:
                condition = " and ".join([equals_one_of(column, values[:1] if column.allowed else values), *gone])
                return Rule(condition, Choice("published", 85, f"the value of {column.name} that says so"))
        flags = [column for column in ranked(relation, vocabulary.PUBLISH_FLAGS) if column.is_boolean]
        if flags:
            condition = " and ".join([f"{of_row(flags[0].name)} is true", *gone])
            return Rule(condition, Choice("published", 85, "a flag of that name"))
        if columns:
            raise Undecided(
                what="which courses are published",
                reason=await self._seen(relation, columns[0]),
                setting="LISTENER_PUBLISH_PREDICATE (`true` is all of them)",
            )
        return Rule(" and ".join(gone) or "true", Choice("published", 70, "courses have nothing that says published"))

    async def _values(
        self, relation: Relation, column: Column, setting: str, wanted: tuple[str, ...]
    ) -> tuple[tuple[str, ...], str]:
        given = self._given.get(setting)
        if given is not None:
            values = listed(given)
            if "{row}" in given:
                raise WrongSetting(name=PREFIX + setting.upper(), problem="no value may have {row} in it")
            unknown = [value for value in values if column.allowed and value not in column.allowed]
            if unknown or not values:
                raise WrongSetting(
                    name=PREFIX + setting.upper(),
                    problem=f"{column.name} may not be {', '.join(unknown) or 'nothing'}, "
                    f"only {', '.join(column.allowed) or 'something'}",
                )
            return values, f"LISTENER_{setting.upper()}"
        known = await self._catalogue.values(relation, column)
        matching = self.matching(known, wanted)
        if matching and column.allowed:
            return matching[:1], "the value in the schema that says so"
        if matching:
            return matching, "the value in the rows that says so"
        slips = tuple(value for value in known if vocabulary.alike(value, wanted[:2]))
        if slips and setting != "active_values":  # those are written
            return slips, "a value that nearly says so"
        return (), ""

    async def _seen(self, relation: Relation, column: Column) -> str:
        """Why the values of a column do not tell."""
        known = await self._catalogue.values(relation, column)
        if not known:
            return f"{relation.table.label}.{column.name} may be any {column.type}, and no row has a value yet"
        return f"{relation.table.label}.{column.name} has no such value, only {few(known)}"

    @staticmethod
    def matching(known: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
        """The values that say the first of `wanted` that any of them says, in every spelling."""
        for word in wanted:
            found = tuple(value for value in known if vocabulary.fold(value) == word)
            if found:
                return found
        return ()

    @staticmethod
    def _rule(what: str, column: Column, values: tuple[str, ...], score: int, reason: str, setting: str) -> Rule:
        return Rule(
            equals_one_of(column, values),
            Choice(what, score, f"{column.name}: {reason}"),
            column.name,
            values,
            PREFIX + setting.upper(),
        )
