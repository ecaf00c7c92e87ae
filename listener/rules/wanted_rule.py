"""A mapping with a query for a rule: tables to watch, leaving, seats."""

from dataclasses import replace

import asyncpg

from listener.catalogue import expressions
from listener.catalogue.catalogue import Catalogue, Relation
from listener.catalogue.columns import check_seen, find_column
from listener.database.connection import Connection, tune_transaction
from listener.database.session import PATH
from listener.errors import WrongSetting
from listener.mapping.mapping import Mapping, OnLeave, Route, Value, Watched, column
from listener.reasons import reason
from listener.rules import wanted_query, watch


async def with_query(connection: Connection, mapping: Mapping, catalogue: Catalogue, asked: dict[str, str]) -> Mapping:
    """`mapping`, with the query of LISTENER_WANTED_QUERY. Raises WrongSetting, NotRouted, NotByKey, MayNot."""
    profiles, courses = catalogue.relations[mapping.profile_table], catalogue.relations[mapping.course_table]
    query = await wanted_query.understand(
        connection, asked["wanted_query"], profiles.columns[mapping.profile_key], courses.columns[mapping.course_key]
    )
    by_key = asked.get("wanted_plan", "by_key") == "by_key"
    watched = watch.watch(query, mapping, catalogue, asked.get("watch"), by_key=by_key)
    enrollments = catalogue.relations[mapping.enrollment_table]
    on_leave, inactive = _leaving(mapping, enrollments, asked)
    if on_leave != "keep":
        _check_own(mapping, query, asked.get("watch"))
        watched = _with_profiles(mapping, watched)
    key = None if on_leave == "keep" else key_of(mapping, enrollments)
    found = replace(
        mapping,
        wanted_query=query.text,
        says_why=query.says_why,
        watched=watched,
        query_views=query.views,
        query_functions=query.functions,
        depends_on_time=watch.is_looked_after(query, asked.get("watch")),
        on_leave=on_leave,
        inactive_value=inactive,
        course_seats=await _seats(connection, mapping, courses, asked.get("course_seats")),
        enrollment_key=key,
        student_view="select distinct wanted.profile_id as id\n            from (\n"
        f"{query.text}\n            ) as wanted(profile_id, course_id)",
        partitioned=tuple(
            dict.fromkeys(
                [*mapping.partitioned, *(each.table for each in watched if catalogue.relations[each.table].partitioned)]
            )
        ),
    )
    await _try(connection, found, asked["wanted_query"])
    return found


def key_of(mapping: Mapping, enrollments: Relation) -> str | None:
    """The enrollments' own key, which tells rows of the same pair apart."""
    pair = (mapping.enrollment_profile, mapping.enrollment_course)
    return None if enrollments.key is None or enrollments.key.name in pair else enrollments.key.name


def _check_own(mapping: Mapping, query: wanted_query.WantedQuery, given: str | None) -> None:
    """Raise WrongSetting if an enrollment may take the profile out of the query, and so be made and taken back without
    end."""
    table = mapping.enrollment_table
    if any(each.table == table for each in query.reads) and not watch.names(given, table):
        raise WrongSetting(
            name=wanted_query.SETTING,
            problem=f"reads {table.label}, which the listener writes: who drops out for being enrolled would be taken "
            f"back and enrolled again without end. If nobody does, say so: LISTENER_WATCH={table.label}"
            f"({mapping.enrollment_profile})",
        )


def _with_profiles(mapping: Mapping, watched: tuple[Watched, ...]) -> tuple[Watched, ...]:
    """`watched`, with profiles and the profiles' keys: a new profile must not get a deleted profile's ledger."""
    key = mapping.profile_key
    found = tuple(
        replace(each, columns=tuple(dict.fromkeys([*each.columns, key])))
        if each.table == mapping.profile_table
        else each
        for each in watched
    )
    if any(each.table == mapping.profile_table for each in found):
        return found
    of_key = Route(Value.of_column(key, mapping.profile_key_type))
    return (*found, Watched(mapping.profile_table, (key,), (of_key,)))


def _leaving(mapping: Mapping, enrollments: Relation, asked: dict[str, str]) -> tuple[OnLeave, str | None]:
    """The consequence of leaving, and the status for it. Raises WrongSetting."""
    allowed: tuple[OnLeave, ...] = ("keep", "suspend", "remove")
    on_leave = next(each for each in allowed if each == asked.get("on_leave", "keep"))
    given = asked.get("inactive_value")
    if on_leave != "suspend":
        return on_leave, None
    name = "LISTENER_INACTIVE_VALUE"
    if mapping.enrollment_status is None:
        raise WrongSetting(
            name="LISTENER_ON_LEAVE", problem="suspend needs LISTENER_ENROLLMENT_STATUS, a column to write"
        )
    status = find_column(enrollments, mapping.enrollment_status, "enrollment_status")
    if status.is_boolean and given is None:
        given = "false" if "true" in mapping.active_values else "true"
    if given is None:
        seen = f": it may be {', '.join(status.allowed)}" if status.allowed else ""
        raise WrongSetting(name=name, problem=f"must say what to write into {status.name}{seen}")
    others = ", ".join(each for each in status.allowed if each not in mapping.active_values) or "its other values"
    if given in mapping.active_values:
        raise WrongSetting(name=name, problem=f"{given} means an active enrollment; one of {others}")
    if status.allowed and given not in status.allowed:
        raise WrongSetting(name=name, problem=f"{status.name} may not be {given}; one of {others}")
    return on_leave, given


async def _seats(connection: Connection, mapping: Mapping, courses: Relation, text: str | None) -> str | None:
    """Seats of a course, over the course's row. Raises WrongSetting."""
    name = "LISTENER_COURSE_SEATS"
    if text is None:
        return None
    if not mapping.counts or mapping.count_rows != "active":
        raise WrongSetting(
            name=name, problem="needs counts of active enrollments (LISTENER_ACTIONS, LISTENER_COUNT_ROWS)"
        )
    plain = column(text) if text in courses.columns else None
    if plain is not None:
        seats = await expressions.checked_value(connection, courses.table, plain, "bigint", name)
    else:
        seats = await expressions.value(connection, courses.table, "seats", "bigint", text, name)
    check_seen(courses, seats, name)
    return seats


async def _try(connection: Connection, mapping: Mapping, text: str) -> None:
    """Have Postgres plan the query as the installed functions will. Raises WrongSetting."""
    async with expressions.undone(connection):
        await tune_transaction(connection)
        await connection.execute(f"set local search_path = {PATH}")
        try:
            await connection.fetch(
                "explain select wanted.profile_id, wanted.course_id from (\n"
                f"{mapping.wanted_query}\n) as wanted(profile_id, course_id) where wanted.profile_id is null"
            )
        except asyncpg.PostgresError as error:
            raise WrongSetting(
                name=wanted_query.SETTING,
                problem=f"{expressions.short(text)} cannot be run: {reason(error)}. It is run with an empty "
                "search_path: names in the functions that it calls need their schema",
            ) from error
