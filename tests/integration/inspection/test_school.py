"""`install` tells the school in some lines with numbers, and the reasons if they are asked for."""

from tests.conftest import Database
from tests.support.process import listener

SCHOOL = """
    create table courses (
        id integer primary key, title text, price numeric, archived boolean not null default false, students integer
    );
    create table profiles (id integer primary key generated always as identity, name text not null);
    create table user_roles (
        user_id integer not null references profiles, role text not null check (role in ('admin', 'student'))
    );
    create table enrollments (
        user_id integer references profiles, course_id integer references courses,
        status text not null default 'active' check (status in ('active', 'dropped')), primary key (user_id, course_id)
    );
    insert into courses values (1, 'Old', 0, true, 0), (2, E'Wel\\ncome', 0, false, 1), (3, 'Gold', 9, false, 7);
    insert into profiles (name) select 'Anna ' || number from generate_series(1, 13) as number;
    insert into user_roles select id, case when id < 5 then 'admin' else 'student' end from profiles;
    insert into enrollments values (5, 2), (6, 3);
    insert into enrollments values (7, 3, 'dropped');
"""

RULE = "who has a row in public.user_roles (user_id) with role in ('student')"
OFF = "one of these counts is off, which the daemon corrects"


def told(database: Database, *arguments: str) -> list[str]:
    return listener(database.url, "install", *arguments).stdout.splitlines()


def test_the_school_is_told_with_numbers_and_with_reasons_on_request(empty: Database) -> None:
    empty.server.psql(empty.name, SCHOOL)
    said = told(empty)
    assert said[:9] == [
        "The LMS in this database",
        "",
        f"9 of 13 people in public.profiles are students: {RULE}",
        "they land in 'Wel come' (course 2), first by price nulls last",
        "3 enrollments in public.enrollments (user_id, course_id), of which 2 count: status in ('active')",
        "2 of 3 courses in public.courses are open: archived is not true",
        f"3 courses with a count of active enrollments in public.courses (students): {OFF}",
        said[7] if said[7].startswith("the tables' owner: ") else "the tables' owner",
        "",
    ]
    assert not any("score" in line or "Anna" in line for line in said)
    why = told(empty, "--why")
    assert why[:8] == said[:8]
    assert any(line.startswith("published: ") and "score: " in line for line in why)
