"""Replays DDL of one kind beside the listener, and without it: nothing more is refused, everybody is enrolled."""

import re

import asyncpg

from listener import sql
from listener.errors import Blinded, ListenerError, MayNot, ShapeNotUnderstood, TablesOfAnother
from listener.mapping import binding
from listener.mapping.mapping import Mapping
from listener.mapping.rendering import placeholders
from listener.reactions.reaction import BuiltIn
from listener.repair import count_repair
from listener.schema import install
from listener.sql import identifier
from tests.support.beside import Beside, rolled_back
from tests.support.ddl.kind import Kind
from tests.support.lms_statements import Statements
from tests.support.notes import BY_ANOTHER

ENROLL, COUNT = BuiltIn("enroll"), BuiltIn("count")

# Everything of the LMS's that a dump of the schema would show.
STRUCTURE = r"""
with lms as (
    select oid, nspname from pg_namespace
    where nspname not in ('information_schema', 'listener') and nspname not like 'pg\_%'
)
select format('schema %s %s', nspname, nspacl) from pg_namespace where oid in (select oid from lms)
union all
select format(
    '%s %s %s %s %s %s %s %s %s', oid::regclass, relkind, pg_get_userbyid(relowner), relacl, relrowsecurity,
    relforcerowsecurity, relreplident, relpersistence, obj_description(oid, 'pg_class')
)
from pg_class where relnamespace in (select oid from lms)
union all
select format(
    '%s.%s %s %s %s %s %s %s', attrelid::regclass, attname, attnum, format_type(atttypid, atttypmod), attnotnull,
    attidentity, attgenerated,
    (select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = attrelid and adnum = attnum)
)
from pg_attribute
where
    not attisdropped and attnum > 0
    and attrelid in (select oid from pg_class where relnamespace in (select oid from lms))
union all
select format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
from pg_constraint where connamespace in (select oid from lms)
union all
select pg_get_indexdef(indexrelid)
from pg_index where indexrelid in (select oid from pg_class where relnamespace in (select oid from lms))
union all
select pg_get_triggerdef(oid)
from pg_trigger
where not tgisinternal and tgrelid in (select oid from pg_class where relnamespace in (select oid from lms))
union all
select format('%s %s %s', oid::regprocedure, proacl, md5(prosrc))
from pg_proc where pronamespace in (select oid from lms)
union all
select format('%s %s', polrelid::regclass, polname) from pg_policy
union all
select format('%s %s', ev_class::regclass, rulename)
from pg_rewrite where ev_class in (select oid from pg_class where relnamespace in (select oid from lms))
union all
select format('%s %s', oid::regtype, typtype) from pg_type where typnamespace in (select oid from lms)
order by 1
"""


async def exact(side: Beside, mapping: Mapping, signed_up: tuple[int, ...]) -> list[str]:
    """Who of these is not enrolled that should be, and which counts are off."""
    values = placeholders(mapping)
    connection = side.listener
    await connection.execute("reset role")
    keys = ", ".join(side.lms.key("profiles", number) for number in signed_up)
    is_somewhere = "true"
    if mapping.tenant is not None:  # an enrollment in a course that is no more is in no school
        of_course = "{{course_key:course}} = {{enrollment_course:enrollment}}"
        is_somewhere = f"exists (select from {{{{course_table}}}} as course where {of_course})"
    missing = sql.render(
        f"""
        select {{{{profile_key:profile}}}}::text as key, found.enrollments
        from {{{{profile_table}}}} as profile
        cross join lateral (
            select count(*) as enrollments from {{{{enrollment_table}}}} as enrollment
            where {{{{enrollment_profile:enrollment}}}} = {{{{profile_key:profile}}}} and {is_somewhere}
        ) as found
        where {{{{student_condition}}}} and {{{{profile_key:profile}}}}::text in ({keys}) and found.enrollments <> 1
        """,
        values,
    )
    wrong = [f"{row['key']} has {row['enrollments']} enrollments" for row in await connection.fetch(missing)]
    if mapping.tenant is not None:
        elsewhere = sql.render(
            f"""
            select {{{{profile_key:profile}}}}::text as key
            from {{{{profile_table}}}} as profile
            where {{{{student_condition}}}} and {{{{profile_key:profile}}}}::text in ({keys}) and not exists (
                select
                from {{{{enrollment_table}}}} as enrollment
                inner join {{{{course_table}}}} as course
                    on {{{{course_key:course}}}} = {{{{enrollment_course:enrollment}}}}
                inner join {{{{tenant_table}}}} as member
                    on {{{{tenant_person:member}}}} = {{{{profile_key:profile}}}}
                    and {{{{tenant_column:member}}}} = {{{{tenant_course:course}}}}
                where {{{{enrollment_profile:enrollment}}}} = {{{{profile_key:profile}}}}
            )
            """,
            values,
        )
        wrong += [f"{row['key']} is not in a course of its school" for row in await connection.fetch(elsewhere)]
    counts = mapping.count_columns if mapping.counts_in_courses else ("",)
    for name in counts:
        shown = f"coalesce(course.{identifier(name)}, 0)" if name else values["course_count"].replace("{row}", "course")
        off = sql.render(
            f"""
            select {{{{course_key:course}}}}::text || ' shows ' || {shown} from {{{{course_table}}}} as course
            where {shown} <> (
                select count(*) from {{{{enrollment_table}}}} as enrollment
                where {{{{enrollment_course:enrollment}}}} = {{{{course_key:course}}}}
                and ({{{{is_counted:enrollment}}}}) is true
            )
            """,
            values,
        )
        wrong += [f"course {row[0]}" for row in await connection.fetch(off)]
    return wrong


async def served(side: Beside, mapping: Mapping, signed_up: tuple[int, ...] = Statements.SIGNED_UP) -> None:
    """The daemon's statements, one after the other, as its role: then everybody is enrolled, every count exact."""
    connection = side.listener
    await connection.execute("set local role lms_daemon; set local jit = off")
    await connection.fetchrow("select * from listener.make_good_students()")
    await connection.execute(f"reset role; {BY_ANOTHER}; set local role lms_daemon")
    try:
        async with connection.transaction():
            await ENROLL.together.react(connection, 2000, 20)
    except asyncpg.NotNullViolationError as error:
        # What the LMS itself refuses now, a column without the value that it needs: each is set aside.
        if error.column_name in (mapping.enrollment_profile, mapping.enrollment_course, mapping.enrollment_status):
            side.found.append(f"the listener writes no {error.column_name}")
        await ENROLL.each.react(connection, 2000, 20)
        assert await connection.fetchval("select bool_and(error like '23%') from listener.pending_enrollment")
        return
    if await connection.fetchval("select listener.default_course_id()") is None:
        assert await connection.fetchval("select bool_and(reason = 'no_course') from listener.pending_enrollment")
        return
    await connection.fetchrow("select * from listener.make_good_counts()")
    await count_repair.repair_counts(connection)
    await connection.execute(f"reset role; {BY_ANOTHER}; set local role lms_daemon")
    await COUNT.together.react(connection, 2000, 20)
    await connection.execute("reset role")
    now = await binding.current(connection, mapping)
    side.found += await exact(side, now.mapping, signed_up)
    await connection.execute("set local role lms_daemon")
    pending = await connection.fetch("select * from listener.pending_enrollment")
    side.found += [f"pending: {dict(row)}" for row in pending]


async def replay(side: Beside, kind: Kind, *, thorough: bool) -> None:
    """Run DDL of one kind, and what an LMS says afterwards, in both databases."""
    connection = side.listener
    done = await side.both(list(kind.statements), role=kind.role)
    if all(code for code, _ in done):
        return
    tables = await side.tables()
    statements = Statements(side.lms, tables)
    await side.both(statements.everyday(), role="lms_app")
    await side.both(statements.truncations(), role="lms_owner", keep=False)
    await connection.execute("set local role lms_daemon")
    followed = await connection.fetch("select * from listener.follow()")
    if followed and await connection.fetch("select * from listener.follow()"):
        side.found.append("followed again")
    problems = [
        (row["problem"], row["setting"]) for row in await connection.fetch("select * from listener.binding_problems()")
    ]
    await side.both([*statements.course(251), *statements.sign_up(201)], role="lms_owner")
    outcome = kind.outcome if not any(code for code, _ in done) else "either"
    if problems and outcome in ("served", "replaced"):
        side.found.append(f"problems: {problems}")
    if not problems and outcome == "told":
        side.found.append("no problem is told")
    side.found += [
        f"no setting for {problem}"
        for problem, setting in problems
        if not setting and not problem.startswith(("trigger", "row-level security", "permission denied"))
    ]
    if kind.outcome == "refused":
        return
    if not problems and outcome != "replaced":
        async with rolled_back(connection):
            await served(side, side.lms.mapping)
    if not thorough:
        return
    async with rolled_back(connection):
        await installed_again(side, statements, stranger=kind.role != "lms_owner")
    if kind.role == "lms_owner" or not side.taken_over:
        async with rolled_back(connection):
            await uninstalled(side)


SCRIPT_ENDS = re.compile(r"^(begin|commit|set local lock_timeout = .*);$", re.MULTILINE)


async def installed_again(side: Beside, statements: Statements, *, stranger: bool) -> None:
    """`listener install` works, or says what to set."""
    connection = side.listener
    await connection.execute("set local role lms_owner")
    try:
        plan = await install.plan(connection, {}, take_over=True)
    except (asyncpg.InsufficientPrivilegeError, asyncpg.InFailedSQLTransactionError):
        if stranger:
            return
        raise
    except ListenerError as error:
        if "LISTENER_" not in str(error) and not isinstance(
            error, (Blinded, MayNot, ShapeNotUnderstood, TablesOfAnother)
        ):
            side.found.append(f"install: {type(error).__name__}: {error}")
        return
    installed = plan.installed
    assert installed is not None
    if not plan.is_done:
        text = SCRIPT_ENDS.sub("", install.script(plan.mapping, installed.version, installed.mapping))
        try:
            await connection.execute(text)
        except asyncpg.InsufficientPrivilegeError:
            if stranger:
                return
            raise
    await connection.execute("reset all; set local role lms_daemon")
    problems = await connection.fetch("select * from listener.binding_problems()")
    if stranger:
        return
    side.found += [f"problem after install: {tuple(row)}" for row in problems]
    if not problems:
        await connection.execute("set local role lms_owner")
        for statement in statements.sign_up(199):
            await connection.fetchval("select pg_temp.attempt($1, true)", statement)
        await served(side, plan.mapping)


async def uninstalled(side: Beside) -> None:
    """`listener uninstall` leaves what there would be without the listener."""
    connection = side.listener
    await connection.execute("set local role lms_owner")
    await connection.execute(SCRIPT_ENDS.sub("", install.uninstallation()))
    await connection.execute("reset role; set local search_path = public")
    await side.without.execute("reset role; set local search_path = public")
    left = {row[0] for row in await connection.fetch(STRUCTURE)}
    right = {row[0] for row in await side.without.fetch(STRUCTURE)}
    side.found += [f"left behind: {line}" for line in left - right]
    side.found += [f"taken along: {line}" for line in right - left]
