"""Finds out which of a database's tables and columns mean what."""

from dataclasses import dataclass, replace

from listener import sql
from listener.adapter import expressions, vocabulary
from listener.adapter.catalogue import Catalogue, Relation
from listener.adapter.course_columns import counts_of, order_of, price_of
from listener.adapter.description import described
from listener.adapter.enrollment_values import values_of
from listener.adapter.enrollments import Enrollments
from listener.adapter.evidence import Choice
from listener.adapter.mapping import Actions, Mapping, MissingIndex
from listener.adapter.pinning import NO_QUERY, QUERY, RULE
from listener.adapter.rules import Rule, Rules, ranked
from listener.adapter.tables import Tables
from listener.adapter.wanted_rule import with_query
from listener.connection import Connection
from listener.errors import Undecided, WrongSetting
from listener.settings import MAPPING, PREFIX, Settings

SMALL_TABLE_ROWS = 100_000
"""An index on a table of at most so many rows is built in an instant."""


@dataclass(frozen=True)
class Discovery:
    """A mapping, and why each part of it was chosen."""

    mapping: Mapping
    choices: tuple[Choice, ...]

    def lines(self) -> list[tuple[str, str, str, str]]:
        """(what, found, score, reason) for people to check."""
        why = {choice.what: choice for choice in self.choices}
        return [
            (what, found, str(why[what].score) if what in why else "", why[what].reason if what in why else "")
            for what, found in described(self.mapping)
        ]


def given(settings: Settings) -> dict[str, str]:
    """The mapping's settings that are set."""
    values = {name: getattr(settings, name) for name in MAPPING if name in settings.model_fields_set}
    return {name: value for name, value in values.items() if value is not None}


async def discover(connection: Connection, settings: dict[str, str] | None = None) -> Mapping:
    """The mapping of the LMS in this database. Raises what `look` does."""
    return (await look(connection, settings)).mapping


async def look(connection: Connection, settings: dict[str, str] | None = None) -> Discovery:
    """What this database's tables and columns mean, where `settings` do not say it.

    Raises TableNotFound, ShapeNotUnderstood, Ambiguous, Undecided or WrongSetting.
    """
    asked = {name: value for name, value in (settings or {}).items() if (name, value) != ("wanted_query", NO_QUERY)}
    catalogue = await Catalogue.load(connection)
    finder, rules = Tables(catalogue, asked), Rules(catalogue, asked)
    enrollments = finder.enrollments()
    profiles, profile_key, profiles_why = finder.profiles(enrollments)
    courses, course_key, courses_why = finder.courses(enrollments)
    by_query = "wanted_query" in asked
    _alone(asked)
    if by_query:
        rule, role = Rule("true", Choice("students", 100, "LISTENER_WANTED_QUERY")), None
        published = Rule("true", Choice("published", 100, "LISTENER_WANTED_QUERY"))
    else:
        rule, role = await _students(finder, rules, profiles, enrollments, asked)
        published = await rules.published(courses)
    if role is not None:
        _comparable(*role, profiles, profile_key)
    price, price_choice = price_of(courses, asked)
    counts, counts_choice = counts_of(courses, asked)
    found = Found(
        profiles,
        profile_key,
        enrollments,
        courses,
        course_key,
        students=rule,
        role=role,
        status=await rules.status(enrollments.relation),
        published=published,
        price=price,
        count_columns=counts,
    )
    choices = (
        Choice("profiles", 90 if enrollments.person.by_foreign_key else 70, profiles_why),
        Choice("enrollments", finder.score, finder.reason),
        Choice("courses", 95 if enrollments.course.by_foreign_key else 70, courses_why),
        rule.choice,
        found.status.choice,
        found.published.choice,
        price_choice,
        counts_choice,
    )
    mapping = _with_catalogue(await _mapping(connection, found, asked), catalogue)
    if by_query:
        mapping = await with_query(connection, mapping, catalogue, asked)
    return Discovery(mapping, choices)


@dataclass(frozen=True)
class Found:
    """The tables, columns and rules that were found, before Postgres has checked the rules."""

    profiles: Relation
    profile_key: str
    enrollments: Enrollments
    courses: Relation
    course_key: str
    students: Rule
    role: tuple[Relation, str] | None
    """The table that says who is a student, and its key to the profile, where it is not the profiles'."""
    status: Rule
    published: Rule
    price: str | None
    count_columns: tuple[str, ...]


async def _mapping(connection: Connection, found: Found, asked: dict[str, str]) -> Mapping:
    profiles, enrollments, courses = found.profiles, found.enrollments, found.courses
    person, course, status = enrollments.person.column, enrollments.course.column, found.status.column
    profile_type, course_type = profiles.columns[found.profile_key].type, courses.columns[found.course_key].type
    dates = ranked(enrollments.relation, ("enrolled_at", "enrollment_date", *vocabulary.DATES))
    date = next((each for each in dates if each.is_time), None)
    default_course = asked.get("default_course")

    async def condition(relation: Relation, rule: Rule) -> str:
        understood = expressions.predicate if rule.given else expressions.checked
        return await understood(connection, relation.table, rule.condition, rule.setting)

    return Mapping(
        profile_table=profiles.table,
        profile_key=found.profile_key,
        profile_key_type=profile_type,
        role_table=found.role[0].table if found.role else None,
        role_key=found.role[1] if found.role else None,
        is_student=await condition(found.role[0] if found.role else profiles, found.students),
        enrollment_table=enrollments.relation.table,
        enrollment_profile=person,
        enrollment_course=course,
        enrollment_status=status,
        enrollment_date=date.name if date else None,
        enrollment_date_type=date.type if date else "timestamptz",
        active_values=found.status.values,
        is_active=await condition(enrollments.relation, found.status),
        count_rows="all" if asked.get("count_rows") == "all" else "active",
        extra_values=await values_of(
            connection, enrollments.relation, profiles.table, {person, course, status}, asked.get("enrollment_values")
        ),
        course_table=courses.table,
        course_key=found.course_key,
        course_key_type=course_type,
        course_price=found.price,
        is_available=await condition(courses, found.published),
        default_course=None
        if default_course is None
        else await expressions.literal(connection, default_course, course_type, "LISTENER_DEFAULT_COURSE"),
        student_view=await _query(connection, profile_type, asked, "student_view"),
        default_course_view=await _query(connection, course_type, asked, "default_course_view"),
        course_order=await order_of(connection, courses, found.price, asked),
        count_columns=found.count_columns,
        actions=_actions(asked),
        statistics=await _statistics(connection, enrollments.relation.table.schema, asked),
        missing_index=_missing_index(enrollments.relation, person),
        settings=asked,
    )


def _with_catalogue(mapping: Mapping, catalogue: Catalogue) -> Mapping:
    """The mapping, with what the catalogue says of its tables: which are partitioned, and which columns are enums."""
    watched = (mapping.student_table, mapping.enrollment_table, *(each.table for each in mapping.watched))
    return replace(
        mapping,
        partitioned=tuple(each.table for each in catalogue.tables if each.partitioned and each.table in watched),
        enums=tuple(
            (table, each.name)
            for table in mapping.tables
            for each in catalogue.relations[table].columns.values()
            if each.labels
        ),
    )


def _alone(asked: dict[str, str]) -> None:
    """Raises WrongSetting if something else says who should be where, too; or if what goes with a query has none."""
    if "wanted_query" not in asked:
        lonely = next((name for name in QUERY if name in asked), None)
        if lonely is not None:
            raise WrongSetting(
                name=PREFIX + lonely.upper(), problem="needs LISTENER_WANTED_QUERY, the query it is about"
            )
        return
    others = [name for name in RULE if name in asked]
    if others:
        other = PREFIX + others[0].upper()
        raise WrongSetting(
            name="LISTENER_WANTED_QUERY", problem=f"says who should be where; so does {other}: unset one"
        )


async def _query(connection: Connection, kind: str, asked: dict[str, str], setting: str) -> str | None:
    """The query that a setting gives for a view, canonical; None without that setting."""
    text = asked.get(setting)
    return None if text is None else await expressions.query(connection, text, kind, PREFIX + setting.upper())


def _comparable(roles: Relation, role_key: str, profiles: Relation, profile_key: str) -> None:
    """Raises Undecided if the table of roles cannot be joined to the profiles."""
    theirs, own = roles.columns[role_key], profiles.columns[profile_key]
    if theirs.family != own.family:
        raise Undecided(
            what="who is a student",
            reason=f"{roles.table.label}.{role_key} is {theirs.type}, and {profiles.table.label}.{profile_key} is"
            f" {own.type}: they cannot be compared",
            setting="LISTENER_STUDENT_TABLE and LISTENER_STUDENT_KEY, or LISTENER_STUDENT_VIEW",
        )


async def _students(
    finder: Tables, rules: Rules, profiles: Relation, enrollments: Enrollments, asked: dict[str, str]
) -> tuple[Rule, tuple[Relation, str] | None]:
    """The rule, and the role table it is about unless it is about the profiles."""
    person = enrollments.person.table
    role = finder.role_table(profiles, person)
    predicate = asked.get("student_predicate")
    if predicate is not None:
        setting = "LISTENER_STUDENT_PREDICATE"
        rule = Rule(predicate, Choice("students", 100, setting), setting=setting, given=True)
        return rule, role if "student_table" in asked else None
    if "student_table" in asked and role is not None:
        found = await rules.role(role[0])
        return found or Rule("true", Choice("students", 80, "has a row in LISTENER_STUDENT_TABLE")), role
    try:
        own = await rules.role(profiles)
    except Undecided:
        found = await rules.role(role[0]) if role is not None and "student_column" not in asked else None
        if found is None:
            raise
        return found, role
    if (
        own is not None
        and role is not None
        and not asked.keys() & {"student_table", "student_column", "student_values"}
    ):
        other = await rules.role(role[0])
        if other is not None and other.column is not None:
            raise Undecided(
                what="who is a student",
                reason=f"both {profiles.table.label}.{own.column} and {role[0].table.label}.{other.column} say it",
                setting=f"LISTENER_STUDENT_TABLE to one of {profiles.table.label} and {role[0].table.label}",
            )
    if own is None and role is not None:
        found = await rules.role(role[0])
        if found is not None:
            return found, role
    if own is None:
        rules.role_in_other_words(profiles)
        await rules.role_elsewhere(finder.that_may_say_roles(profiles, person, enrollments.relation.table))
        own = Rule("true", Choice("students", 60, "nothing says who is one, so everyone is"))
    conditions = await rules.conditions(profiles)
    parts = [*([] if own.condition == "true" and conditions else [own.condition]), *conditions]
    return replace(own, condition=" and ".join(parts)), None


def _actions(asked: dict[str, str]) -> Actions:
    allowed: tuple[Actions, ...] = ("both", "enroll", "count", "observe")
    return next(each for each in allowed if each == asked.get("actions", "both"))


async def _statistics(connection: Connection, schema: str, asked: dict[str, str]) -> tuple[str, ...]:
    """Which of the two objects in the LMS's schema are ours to make: those that somebody else made stay as they are."""
    if asked.get("statistics") == "none":
        return ()
    row = await connection.fetchrow(sql.read("adapter/catalogue/statistics"), schema)
    assert row is not None
    return tuple(name for name in ("status", "function") if row[name])


def _missing_index(relation: Relation, name: str) -> MissingIndex:
    if any(index[:1] == (name,) for index in relation.indexes):
        return None
    return "large" if relation.rows > SMALL_TABLE_ROWS and not relation.partitioned else "small"
