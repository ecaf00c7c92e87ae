"""Finds the meaning of a database's tables and columns."""

from dataclasses import dataclass, replace

from listener import sql
from listener.catalogue import expressions, rights
from listener.catalogue.catalogue import Catalogue, Relation
from listener.catalogue.columns import check_seen
from listener.catalogue.comparisons import Comparisons
from listener.catalogue.ownership import look_as_owner
from listener.database.connection import Connection
from listener.database.rows import only_row
from listener.discovery import vocabulary
from listener.discovery.conditions import Rule, status_columns
from listener.discovery.course_columns import counts_of, order_of, price_of
from listener.discovery.enrollment_values import values_of
from listener.discovery.enrollments import Enrollments, EnrollmentTables
from listener.discovery.evidence import Choice
from listener.discovery.owners import of_one_owner
from listener.discovery.questions import ACCEPTED, Asking
from listener.discovery.references import INNER_SCHEMAS
from listener.discovery.rule_parts import GUESSED, Parts, RuleParts
from listener.discovery.states import ranked
from listener.discovery.tables import Tables
from listener.errors import WrongSetting
from listener.mapping import brake, forgetting, history
from listener.mapping.description import described
from listener.mapping.mapping import Actions, Mapping, MissingIndex, Table
from listener.mapping.pinning import NO_QUERY, QUERY, RULE
from listener.rules.wanted_rule import key_of, with_query
from listener.settings import MAPPING, PREFIX, Settings

SMALL_TABLE_ROWS = 100_000
"""An index on a table of at most so many rows is made in an instant."""


@dataclass(frozen=True)
class Discovery:
    mapping: Mapping
    choices: tuple[Choice, ...]
    owners: tuple[str, ...] = ()
    guessed: tuple[tuple[str, str], ...] = ()
    """(subject, guess), as a person allowed."""

    def lines(self) -> list[tuple[str, str, str, str]]:
        """(part, found, score, reason) for people to check."""
        why = {choice.what: choice for choice in self.choices}
        return [
            (what, found, str(why[what].score) if what in why else "", why[what].reason if what in why else "")
            for what, found in described(self.mapping)
        ] + self._remarks()

    def remarks(self) -> list[str]:
        """Findings beside the mapping, for people."""
        return [f"{what}: {found}{f' ({about})' if about else ''}" for what, found, _, about in self._remarks()]

    def _remarks(self) -> list[tuple[str, str, str, str]]:
        return ([("the tables' owner", ", ".join(self.owners), "", "")] if self.owners else []) + [
            ("guessed", guess, "", about) for about, guess in self.guessed
        ]


def given(settings: Settings) -> dict[str, str]:
    """The mapping's settings that are set."""
    values = {name: getattr(settings, name) for name in MAPPING if name in settings.model_fields_set}
    return {name: value for name, value in values.items() if value is not None}


async def discover(connection: Connection, settings: dict[str, str] | None = None) -> Mapping:
    """Raises the errors of `look`."""
    return (await look(connection, settings)).mapping


async def look(
    connection: Connection, settings: dict[str, str] | None = None, keep: dict[str, str] | None = None
) -> Discovery:
    """The meaning of this database's tables and columns, where `settings` do not say. `keep` are settings that hold,
    too, and are not recorded. Raises TableNotFound, ShapeNotUnderstood, Ambiguous, Undecided, WrongSetting, or
    Blinded."""
    given_now = settings or {}
    asked = {
        name: value
        for name, value in {**(keep or {}), **given_now}.items()
        if (name, value) != ("wanted_query", NO_QUERY)
    }
    catalogue = of_one_owner(await Catalogue.load(connection), asked)
    await _look_as_owner(connection, catalogue, asked)
    finder, asking = Tables(catalogue, asked), Asking(asked.get(ACCEPTED))
    enrollments = finder.enrollments()
    profiles, profile_key, profiles_why = finder.profiles(enrollments)
    courses, course_key, courses_why = finder.courses(enrollments)
    by_query = "wanted_query" in asked
    _alone(asked)
    compared = await Comparisons.of(
        connection, [each.table for each in catalogue.tables if _is_of_lms(each, catalogue)]
    )
    parts = await Parts(catalogue, finder, asked, asking, compared).find(profiles, profile_key, enrollments, courses)
    price, price_choice = price_of(courses, asked)
    counts, counts_choice = counts_of(courses, asked)
    found = FoundParts(
        profiles,
        profile_key,
        enrollments,
        courses,
        course_key,
        parts=parts,
        price=price,
        count_columns=counts,
    )
    choices = (
        Choice("profiles", 90 if enrollments.person.by_foreign_key else 70, profiles_why),
        Choice("enrollments", finder.score, finder.reason),
        Choice("courses", 95 if enrollments.course.by_foreign_key else 70, courses_why),
        parts.students.choice,
        parts.status.choice,
        parts.published.choice,
        *([] if parts.school is None else [parts.school.choice]),
        price_choice,
        counts_choice,
    )
    filled = values_of(connection, *_values(found, asking), asked, parts.school)
    values = await asking.answer(filled, "values", None, ({}, {}))
    asking.check()
    mapping = _with_catalogue(await _mapping(connection, found, asked, values), catalogue)
    if by_query:
        mapping = await with_query(connection, mapping, catalogue, asked)
    for setting in (forgetting.days_of, brake.brake_of, brake.joining_brake_of):
        setting(mapping)  # raises WrongSetting
    if history.is_kept(mapping):
        mapping = replace(mapping, enrollment_key=key_of(mapping, enrollments.relation))
    kept = {name: value for name, value in asked.items() if name in given_now and name != ACCEPTED}
    mapping = replace(mapping, settings=kept | asking.kept)
    owners = (catalogue.relations[table].owner for table in mapping.tables if table in catalogue.relations)
    return Discovery(mapping, choices, tuple(sorted(set(owners))), tuple(asking.guessed.items()))


def _is_of_lms(relation: Relation, catalogue: Catalogue) -> bool:
    return catalogue.is_looked_at(relation) and relation.table.schema not in INNER_SCHEMAS


async def _look_as_owner(connection: Connection, catalogue: Catalogue, asked: dict[str, str]) -> None:
    """From here on use the rights of the tables' owner, where this role has more. Of several owners, the owner of the
    enrollments."""
    named = EnrollmentTables(catalogue, asked).set_table("enrollment_table")
    if named is not None:
        asked_for = [EnrollmentTables(catalogue, asked).set_table(f"{each}_table") for each in ("profile", "course")]
        await look_as_owner(connection, named.owner, [str(each.table) for each in asked_for if each is not None])
    elif catalogue.owners is not None and len(catalogue.owners) == 1:
        await look_as_owner(connection, *catalogue.owners)


@dataclass(frozen=True)
class FoundParts:
    """The tables, columns and rules of an LMS, before Postgres has checked the rules."""

    profiles: Relation
    profile_key: str
    enrollments: Enrollments
    courses: Relation
    course_key: str
    parts: RuleParts
    price: str | None
    count_columns: tuple[str, ...]


def _values(found: FoundParts, asking: Asking) -> tuple[Relation, Table, Table, set[str | None]]:
    """Where a new enrollment's values go, and come from."""
    enrollments = found.enrollments
    usual = {enrollments.person.column, enrollments.course.column, found.parts.status.column}
    if found.parts.status.choice.score == GUESSED:  # the status was asked about: an answer says what is written there
        columns = status_columns(enrollments.relation)
        roles = ranked(enrollments.relation, vocabulary.ROLES_IN_A_COURSE)
        answered = [] if "active" in asking.guessed else [*columns[:1], *roles]
        usual |= {each.name for each in (*columns, *roles) if each in answered or not each.must_be_given}
    return enrollments.relation, found.profiles.table, found.courses.table, usual


async def _mapping(
    connection: Connection,
    found: FoundParts,
    asked: dict[str, str],
    values: tuple[dict[str, str], dict[str, str]],
) -> Mapping:
    profiles, enrollments, courses, parts = found.profiles, found.enrollments, found.courses, found.parts
    person, course, status = enrollments.person.column, enrollments.course.column, parts.status.column
    profile_type, course_type = profiles.columns[found.profile_key].type, courses.columns[found.course_key].type
    dates = ranked(enrollments.relation, ("enrolled_at", "enrollment_date", *vocabulary.DATES))
    date = next((each for each in dates if each.is_time), None)
    default_course = asked.get("default_course")
    roles = [] if parts.role is None else [parts.role[0].table]
    school = parts.school
    members = [] if school is None else [school.way.relation.table]
    tables = [profiles.table, *roles, *members, enrollments.relation.table, courses.table]
    await rights.check_installer(connection, list(dict.fromkeys(tables)))

    async def condition(relation: Relation, rule: Rule) -> str:
        understood = expressions.predicate if rule.given else expressions.checked
        text = await understood(connection, relation.table, rule.condition, rule.setting)
        check_seen(relation, text, rule.setting)
        return text

    is_student = await condition(parts.role[0] if parts.role else profiles, parts.students)
    is_person = await condition(profiles, parts.person)
    if not parts.role and is_person != "true":
        is_student, is_person = is_person if is_student == "true" else f"({is_student}) and ({is_person})", "true"
    tenant = None
    if school is not None:
        tenant = school.tenant(courses, await condition(school.way.relation, parts.member))
    return Mapping(
        profile_table=profiles.table,
        profile_key=found.profile_key,
        profile_key_type=profile_type,
        is_person=is_person,
        tenant=tenant,
        role_table=parts.role[0].table if parts.role else None,
        role_key=parts.role[1] if parts.role else None,
        is_student=is_student,
        enrollment_table=enrollments.relation.table,
        enrollment_profile=person,
        enrollment_course=course,
        enrollment_status=status,
        enrollment_date=date.name if date else None,
        enrollment_date_type=date.type if date else "timestamptz",
        active_values=parts.status.values,
        is_active=await condition(enrollments.relation, parts.status),
        count_rows="all" if asked.get("count_rows") == "all" else "active",
        extra_values=values[0],
        course_values=values[1],
        course_table=courses.table,
        course_key=found.course_key,
        course_key_type=course_type,
        course_price=found.price,
        is_available=await condition(courses, parts.published),
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
    """Adds from the catalogue: partitioned tables, and enum columns."""
    return replace(
        mapping,
        partitioned=tuple(each.table for each in catalogue.tables if each.partitioned and each.table in mapping.tables),
        enums=tuple(
            (table, each.name)
            for table in mapping.tables
            for each in catalogue.relations[table].columns.values()
            if each.labels
        ),
    )


def _alone(asked: dict[str, str]) -> None:
    """Raise WrongSetting for settings of both rules, or for settings about a query without the query."""
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
    """The query in a setting, in canonical form; None without that setting."""
    text = asked.get(setting)
    return None if text is None else await expressions.query(connection, text, kind, PREFIX + setting.upper())


def _actions(asked: dict[str, str]) -> Actions:
    allowed: tuple[Actions, ...] = ("both", "enroll", "count", "observe")
    return next(each for each in allowed if each == asked.get("actions", "both"))


async def _statistics(connection: Connection, schema: str, asked: dict[str, str]) -> tuple[str, ...]:
    """The statistics objects that are ours to make in the LMS's schema: not other people's."""
    if asked.get("statistics") == "none":
        return ()
    text = sql.render(sql.read("discovery/statistics"), {"ours": sql.read("mapping/ours")})
    row = await only_row(connection, text, schema)
    return tuple(name for name in ("status", "function") if row[name])


def _missing_index(relation: Relation, name: str) -> MissingIndex:
    if any(index[:1] == (name,) for index in relation.indexes):
        return None
    return "large" if relation.rows > SMALL_TABLE_ROWS and not relation.partitioned else "small"
