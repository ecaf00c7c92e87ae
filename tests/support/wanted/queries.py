"""A school with nothing installed, and what `install` says of a query about it."""

import pytest

from listener.database.connection import Connection
from listener.errors import ListenerError
from listener.mapping.mapping import Mapping
from listener.schema import install

SCHOOL = """
create table organisations (id bigint primary key, plan text not null default 'free');
create table profiles (
    id bigint primary key generated always as identity,
    role text not null default 'student',
    person_no text unique,
    organisation_id bigint references organisations
);
create index on profiles (organisation_id);
create table courses (
    id bigint primary key generated always as identity,
    title text,
    plan text not null default 'free',
    published boolean not null default true,
    enrollments integer not null default 0
);
create table enrollments (
    profile_id bigint references profiles on delete cascade,
    course_id bigint references courses,
    status text not null default 'active' check (status in ('active', 'inactive', 'completed')),
    primary key (profile_id, course_id)
);
create table payments (id bigint primary key generated always as identity, person_no text, paid boolean not null);
create index on payments (person_no);
create table waivers (profile_id bigint references profiles, course_id bigint references courses);
create table holidays (day date primary key);
create function is_paid(person text) returns boolean language sql stable as $$
    select exists (select from payments where payments.person_no = person and payments.paid)
$$;
create materialized view abroad as select id as profile_id from profiles;
create unique index on abroad (profile_id);
"""

PAID = """
select profiles.id, courses.id
from profiles
inner join payments on payments.person_no = profiles.person_no and payments.paid
cross join courses
"""

EVERYONE = "select profiles.id, courses.id from profiles cross join courses"


async def refusal(connection: Connection, query: str, **settings: str) -> str:
    """What install says about a query: one line, and nothing is changed."""
    with pytest.raises(ListenerError) as caught:
        await install.plan(connection, {"wanted_query": query, **settings})
    assert not connection.is_in_transaction()
    assert await connection.fetchval("select to_regnamespace('listener') is null")
    assert caught.value.exit_status == 2
    said = str(caught.value)
    assert "\n" not in said
    return said


async def planned(connection: Connection, query: str, **settings: str) -> Mapping:
    """What would be installed for a query."""
    return (await install.plan(connection, {"wanted_query": query, **settings})).mapping
