"""Small schools say who counts in a way of their own: by numbers, lists, policies, indexes, comments."""

import pytest

from listener.database.connection import Connection
from tests.integration.discovery.small_school import Small, is_right

USERS = "create table users (id integer primary key, role text check (role in ('student', 'teacher')));"
COURSES = "create table courses (id integer primary key, title text);"
KEYS = "user_id integer references users, course_id integer references courses, primary key (user_id, course_id)"

SCHOOLS = {
    "keys of tenant and number": Small(
        """create table tenants (id integer primary key); insert into tenants values (1), (2);
        create table users (tenant_id integer not null references tenants, id integer primary key,
            role text check (role in ('student', 'teacher')), unique (tenant_id, id));
        create table courses (tenant_id integer not null references tenants, id integer primary key, title text,
            unique (tenant_id, id));
        create table enrollments (tenant_id integer not null, user_id integer not null, course_id integer not null,
            foreign key (tenant_id, user_id) references users (tenant_id, id),
            foreign key (tenant_id, course_id) references courses (tenant_id, id),
            primary key (tenant_id, user_id, course_id));""",
        "insert into courses values (2, 0, 'a'), (1, 1, 'b'); insert into users values (1, 1, 'student'), (2, 2, null)",
        "delete from enrollments where tenant_id = 1",
    ),
    "roles in a membership": Small(
        """create table orgs (id integer primary key); insert into orgs values (1), (2);
        create table users (id integer primary key);
        create table org_members (user_id integer references users, org_id integer references orgs,
            role text check (role in ('owner', 'student', 'instructor')), left_at timestamptz);
        create table courses (id integer primary key, title text, org_id integer references orgs);"""
        f"create table enrollments ({KEYS});",
        """insert into courses values (0, 'a', 2), (1, 'b', 1); insert into users values (1), (2);
        insert into org_members values (1, 1, 'student', null), (1, 2, 'instructor', null), (2, 1, 'student', now())""",
        "delete from enrollments",
        ("public.org_members.role may", "LISTENER_STUDENT_TABLE=public.org_members"),
        {"student_table": "public.org_members"},
    ),
    "roles in a list of a membership": Small(
        """create table orgs (id integer primary key); insert into orgs values (1), (2);
        create table users (id integer primary key);
        create table memberships (user_id integer references users, org_id integer references orgs,
            roles text[] not null default '{student}');
        create table courses (id integer primary key, title text, org_id integer references orgs);"""
        f"create table enrollments ({KEYS});",
        """insert into courses values (0, 'a', 2), (1, 'b', 1); insert into users values (1), (2);
        insert into memberships values (1, 1, '{student}'), (1, 2, '{owner}'), (2, 1, '{teacher}')""",
        "delete from enrollments",
        ("public.memberships.roles may", "LISTENER_STUDENT_TABLE=public.memberships"),
        {"student_table": "public.memberships", "student_predicate": "'student' = any (roles)"},
    ),
    "softly deleted by an enum": Small(
        "create type row_state as enum ('live', 'trashed');"
        + USERS
        + COURSES
        + f"create table enrollments (row_state row_state not null default 'live', {KEYS});",
        "insert into courses values (1, 'a'); insert into users values (1, 'student'), (2, 'teacher')",
        "update enrollments set row_state = 'trashed'",
        ("enrollments.row_state has no such value, only live, trashed",),
        {"active_values": "live"},
    ),
    "a unique index among those that count": Small(
        USERS
        + COURSES
        + """create table enrollments (id integer primary key generated always as identity,
            user_id integer references users, course_id integer references courses, fin timestamptz);
        create unique index on enrollments (user_id, course_id) where fin is null;""",
        "insert into courses values (1, 'a'); insert into users values (1, 'student'), (2, 'teacher')",
        "update enrollments set fin = now()",
    ),
    "policies that hide": Small(
        USERS
        + "create table courses (id integer primary key, title text, secret boolean not null default false);"
        + f"create table enrollments (cut boolean, {KEYS});"
        + """alter table courses enable row level security; alter table enrollments enable row level security;
        create policy open_courses on courses for select using (not secret);
        create policy living on enrollments for select using (cut is not true);""",
        """insert into courses values (0, 'a', true), (1, 'b', false);
        insert into users values (1, 'student'), (2, 'teacher')""",
        "update enrollments set cut = true",
        ("enrollments.cut", "compared in the policy living", "courses.secret", "compared in the policy open_courses"),
        {"active_predicate": "cut is not true", "publish_predicate": "not secret"},
    ),
    "a comment says it": Small(
        USERS
        + COURSES
        + f"create table enrollments (x boolean not null default false, {KEYS});"
        + "comment on column enrollments.x is 'True once the student (or a parent) left, early or not.'",
        "insert into courses values (1, 'a'); insert into users values (1, 'student'), (2, 'teacher')",
        "update enrollments set x = true",
        ("enrollments.x (boolean: false) may say it",),
        {"active_predicate": "not x"},
    ),
    "a small number for the role": Small(
        "create table users (id integer primary key, user_type smallint not null default 1);"
        + COURSES
        + f"create table enrollments (paused_at timestamptz, {KEYS});",
        "insert into courses values (1, 'a'); insert into users values (1, 1), (2, 2)",
        "update enrollments set paused_at = now()",
        ("users.user_type is smallint", "LISTENER_STUDENT_PREDICATE", "enrollments.paused_at"),
        {"student_predicate": "user_type = 1", "active_predicate": "paused_at is null"},
    ),
    "small numbers for flags": Small(
        "create table users (id integer primary key, role text default 'student', is_deleted smallint default 0);"
        "create table courses (id integer primary key, title text, archived integer not null default 0);"
        f"create table enrollments (deleted smallint not null default 0, {KEYS});",
        """insert into courses values (0, 'a', 1), (1, 'b', 0);
        insert into users (id, is_deleted) values (1, 0), (2, 1)""",
        "update enrollments set deleted = 1",
        ("users.is_deleted", "courses.archived", "enrollments.deleted"),
        {
            "person_predicate": "is_deleted = 0",
            "publish_predicate": "archived = 0",
            "active_predicate": "deleted = 0",
        },
    ),
    "a role in JSON": Small(
        """create table users (id integer primary key, metadata jsonb not null default '{"role": "student"}');"""
        + COURSES
        + f"create table enrollments ({KEYS});",
        """insert into courses values (1, 'a'); insert into users values (1, default), (2, '{"role": "teacher"}')""",
        "delete from enrollments",
        ("users.metadata has role, like student", "metadata ->> 'role' = 'student'"),
        {"student_predicate": "metadata ->> 'role' = 'student'"},
    ),
    "published at a time, and kinds of courses": Small(
        USERS
        + """create table courses (id integer primary key, title text, published_at timestamptz,
            visibility text default 'public' check (visibility in ('public', 'hidden')),
            course_type text default 'standard' check (course_type in ('standard', 'template')));"""
        + f"create table enrollments ({KEYS});",
        """insert into courses values (-2, 'a', null), (-1, 'a', now() + interval '1 day'), (1, 'b', now());
        insert into courses values (0, 'a', now(), 'hidden', 'standard'), (2, 'c', now(), 'public', 'template');
        insert into users values (1, 'student'), (2, 'teacher')""",
        "delete from enrollments",
        ("courses.visibility", "courses.course_type", 'LISTENER_PUBLISH_PREDICATE="published_at <= now()"'),
        {"publish_predicate": "published_at <= now() and visibility = 'public' and course_type = 'standard'"},
    ),
    "an approval by a flag": Small(
        USERS
        + COURSES
        + f"create table enrollments (is_approved boolean not null default false, approved_at timestamptz, {KEYS});",
        "insert into courses values (1, 'a'); insert into users values (1, 'student'), (2, 'teacher')",
        "update enrollments set is_approved = false",
        (
            "enrollments.is_approved",
            "enrollments.approved_at",
            'LISTENER_ENROLLMENT_VALUES="is_approved=true" if a new row is to be so',
        ),
        {"active_predicate": "is_approved", "enrollment_values": "is_approved=true"},
    ),
    "functions and policies of other tables compare": Small(
        USERS
        + "create table courses (id integer primary key, title text, rank_of text not null default 'a');"
        + f"create table enrollments (flow text not null default 'in', {KEYS});"
        + """create table lessons (id integer, course_id integer references courses);
        create policy reading on lessons for select using (
            exists (select from enrollments as e where e.course_id = lessons.course_id and e.flow = 'in'));
        create function catalogue() returns setof integer language sql stable as
            $$ select c.id from public.courses as c join lessons on course_id = c.id where c.rank_of = 'a' $$;""",
        """insert into courses values (0, 'a', 'b'), (1, 'b', 'a');
        insert into users values (1, 'student'), (2, 'teacher')""",
        "update enrollments set flow = 'out'",
        (
            "enrollments.flow (text: in), compared in the policy of public.lessons reading,",
            "courses.rank_of (text: a), compared in the function catalogue,",
        ),
        {"active_predicate": "flow = 'in'", "publish_predicate": "rank_of = 'a'"},
    ),
    "flags and times beside a status": Small(
        """create table users (id integer primary key, role text check (role in ('student', 'teacher')));
        create table courses (id integer primary key, status text check (status in ('draft', 'published')),
            is_active boolean not null default true, enrollment_opens_at timestamptz, published_at timestamptz);"""
        """create table enrollments (status text not null default 'active' check (status in ('active', 'over')),
            is_active boolean not null default true, """ + KEYS + ");",
        """insert into courses values (-2, 'published', false), (-1, 'draft', true), (1, 'published', true);
        insert into courses values (0, 'published', true, now() + interval '1 day');
        insert into courses values (2, 'published', true, null, now() + interval '1 day');
        insert into users values (1, 'student'), (2, 'teacher')""",
        "update enrollments set is_active = false",
    ),
    "a role in JSON that no row shows yet": Small(
        "create table users (id integer primary key, app_metadata jsonb);"
        + COURSES
        + f"create table enrollments ({KEYS});",
        """insert into courses values (1, 'a');
        insert into users values (1, '{"role": "student"}'), (2, '{"role": "teacher"}')""",
        "delete from enrollments",
        ("nothing says so, and public.users.app_metadata (jsonb: no value yet) may",),
        {"student_predicate": "app_metadata ->> 'role' = 'student'"},
    ),
}


@pytest.mark.parametrize("name", SCHOOLS)
@pytest.mark.quarter
async def test_it_is_understood_or_asked_about_and_right_then(empty_database: Connection, name: str) -> None:
    await is_right(empty_database, SCHOOLS[name])
