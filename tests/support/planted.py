"""What an attacker plants, the alarm that rings with whose rights it ran, and every way to run what is installed."""

from listener.database.connection import Connection

OWNER, DAEMON, MALLORY = "lms_owner", "lms_daemon", "mallory"
ROLES = (OWNER, DAEMON, MALLORY)

ALARM = f"""
create schema alarm authorization {MALLORY};
set role {MALLORY};
grant usage on schema alarm to public;
create table alarm.taken (who name, what text);
grant insert on alarm.taken to public;
create sequence alarm.rung;
grant usage, select, update on sequence alarm.rung to public;
create function alarm.ring(what text) returns boolean language plpgsql as $$
begin
    if current_user <> '{MALLORY}' then
        perform pg_catalog.nextval('alarm.rung');
        insert into alarm.taken values (current_user, what);
    end if;
    return true;
end $$;
reset role;
"""
"""A sequence goes on though the transaction is rolled back. It rings for nobody but others."""

LMS = """
create table public.profiles (
    id uuid primary key default gen_random_uuid(),
    role varchar(20) not null default 'student'
);
create table public.courses (
    id uuid primary key default gen_random_uuid(),
    title text not null,
    price numeric,
    status varchar(20) not null default 'published',
    seats integer,
    enrollments numeric not null default 0
);
create table public.enrollments (
    id bigint primary key generated always as identity,
    user_id uuid references public.profiles on delete cascade,
    course_id uuid references public.courses on delete cascade,
    status varchar(20) not null default 'active',
    unique (user_id, course_id)
);
"""

ONE = "00000000-0000-0000-0000-000000000001"
"""The key of the first profile, and of the first course."""

LEAVES = {
    "wanted_query": "select p.id, c.id from public.profiles p cross join public.courses c"
    " where p.role = 'student' and c.status = 'published'",
    "on_leave": "suspend",
    "inactive_value": "left",
}

ROWS = f"""
insert into public.courses (id, title) values ('{ONE}', 'a');
insert into public.profiles (id) values ('{ONE}');
"""

FUNCTIONS = """
select
    format('listener.%I', proc.proname) as name,
    array(
        select format_type(given.type, null)
        from unnest(proc.proargtypes) with ordinality as given(type, place)
        order by given.place
    ) as types,
    proc.oid::regprocedure::text as signature
from pg_catalog.pg_proc as proc
where proc.pronamespace = 'listener'::regnamespace and proc.prorettype <> 'trigger'::regtype
order by proc.proname
"""

SAMPLES = {
    "uuid": f"'{ONE}'",
    "uuid[]": f"array['{ONE}']::uuid[]",
    "bigint": "1",
    "bigint[]": "array[1]::bigint[]",
    "integer": "100",
    "boolean": "true",
    "xid8": "null",
    "timestamp with time zone": "now()",
    "interval": "interval '1 hour'",
    "text[]": f"array['{ONE}']",
    "anyelement": "null::public.profiles",
}


async def calls(connection: Connection) -> list[str]:
    """Every function of ours that is no trigger's, called with something of each type that it takes."""
    rows = await connection.fetch(FUNCTIONS)
    found = []
    for row in rows:
        given = [SAMPLES.get(kind, "null") for kind in row["types"]]
        found.append(f"select * from {row['name']}({', '.join(given)})")
    return found


OPERATORS = (
    ("=", "varchar", "varchar", "boolean"),
    ("=", "varchar", "text", "boolean"),
    ("<>", "varchar", "varchar", "boolean"),
    ("=", "oid", "regclass", "boolean"),
    ("=", "oid", "regnamespace", "boolean"),
    ("=", "oid", "regtype", "boolean"),
    ("=", "oid", "regproc", "boolean"),
    ("=", "name", "varchar", "boolean"),
    ("+", "numeric", "bigint", "numeric"),
    ("+", "numeric", "integer", "numeric"),
    ("-", "numeric", "bigint", "numeric"),
    ("<>", "numeric", "integer", "boolean"),
    ("<>", "numeric", "bigint", "boolean"),
    (">", "numeric", "integer", "boolean"),
    ("-", "integer", "numeric", "numeric"),
    ("||", "text", "varchar", "text"),
)
"""They fit better than any of pg_catalog."""

OVERLOADS = (
    ("unnest", "uuid[]", "setof uuid"),
    ("unnest", "uuid[], bigint[]", "setof record"),
    ("cardinality", "uuid[]", "integer"),
    ("array_position", "uuid[], uuid", "integer"),
    ("lower", "varchar", "text"),
    ("to_jsonb", "uuid", "jsonb"),
    ("format", "text, name, name", "text"),
    ("greatest", "bigint, integer", "bigint"),
    ("coalesce", "numeric, integer", "numeric"),
    ("to_regclass", "varchar", "regclass"),
    ("quote_ident", "name", "text"),
)


def planted(schema: str) -> str:
    """Operators, functions and types that ring the alarm, in a schema."""
    parts = []
    for number, (operator, left, right, returns) in enumerate(OPERATORS):
        result = "true" if returns == "boolean" else "null"
        parts.append(
            f"create function {schema}.planted_{number}({left}, {right}) returns {returns} language plpgsql as $$"
            f" begin perform alarm.ring('{left} {operator} {right}'); return {result}; end $$;"
            f"create operator {schema}.{operator} (leftarg = {left}, rightarg = {right},"
            f" function = {schema}.planted_{number});"
        )
    for name, given, returns in OVERLOADS:
        result = "return" if returns.startswith("setof") else "return null"
        parts.append(
            f'create function {schema}."{name}"({given}) returns {returns} language plpgsql as $$'
            f" begin perform alarm.ring('{name}'); {result}; end $$;"
        )
    kinds = ("uuid", "text", "varchar", "int8", "numeric")
    types = (f"create domain {schema}.{kind} as pg_catalog.{kind} check (alarm.ring('type {kind}'));" for kind in kinds)
    return "\n".join([*parts, *types])
