"""What Supabase's Advisor warns of, and what its default privileges give away: nothing of it is the listener's."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import supabase
from tests.support.postgres import USER, binaries
from tests.support.process import listener
from tests.support.project import ROOT

RULES = (supabase.FOLDER / "advisor.sql").read_text(encoding="utf-8")
OFFERED = "set pgrst.db_schemas = 'public, graphql_public, listener';"
"""More than there should be: who offers schema `listener` by mistake must not give anything away either."""
OPENED = """
grant select on profile_enrollment_sync_status to authenticated;
grant execute on function get_enrollment_statistics() to authenticated;
"""
DAEMON = "enrollment_daemon"

BY_QUERY: dict[str, Any] = {
    "wanted_query": "select profiles.id, courses.id from public.profiles cross join public.courses where is_published",
    "on_leave": "suspend",
    "inactive_value": "cancelled",
    "course_seats": "seats",
}
INSTALLATIONS: dict[str, dict[str, Any]] = {
    "the built-in rule": {},
    "a query with leaving and seats": BY_QUERY,
    "a query that removes": BY_QUERY | {"on_leave": "remove"},
    "observing": {"actions": "observe"},
    "observing a query": BY_QUERY | {"actions": "observe"},
    "enrolling alone": {"actions": "enroll"},
    "counting alone": {"actions": "count"},
    "counts in a table of its own": {"count_columns": "none"},
}
CLAIMS = 'set request.jwt.claims = \'{{"sub": "{}"}}\'; set role authenticated;'


@pytest.fixture(scope="module", params=[version for version in binaries() if version >= 15])
def project(request: pytest.FixtureRequest) -> Iterator[supabase.Project]:
    made = supabase.create(request.param)
    made.sql("alter table courses add seats integer")
    made.sql(f"create role {DAEMON} login", role=supabase.ADMIN)
    yield made
    made.server.destroy()


def address(project: supabase.Project) -> str:
    return project.direct(USER, supabase.PASSWORD)


def findings(project: supabase.Project) -> set[str]:
    return set(project.sql(f"{OFFERED} {RULES}").splitlines())


@pytest.mark.parametrize("kind", INSTALLATIONS)
@pytest.mark.quarter
def test_the_advisor_has_nothing_to_say_about_an_installation(project: supabase.Project, kind: str) -> None:
    before = findings(project)
    listener(address(project), "install", "--grant-to", DAEMON, **INSTALLATIONS[kind])
    try:
        assert not findings(project) - before
        project.sql(OPENED)
        assert not findings(project) - before
    finally:
        listener(address(project), "uninstall")


def test_the_advisor_s_rules_find_what_they_are_about(project: supabase.Project) -> None:
    """Or else they would find nothing of ours either."""
    before = findings(project)
    planted = {
        "function_search_path_mutable|bad.mutable()": "create function bad.mutable() returns int "
        "language sql as 'select 1'",
        "security_definer_view|seen": "create view public.seen as select id from public.profiles",
        "auth_users_exposed|told": "create view public.told as select email from auth.users",
        "rls_disabled_in_public|open": "create table public.open (id int primary key)",
        "no_primary_key|bad.keyless": "create table bad.keyless (id int)",
        "security_definer_function_executable|mighty()": "create function public.mighty() returns int language sql "
        "security definer set search_path = '' as 'select 1'",
        "rls_enabled_no_policy|bad.shut": "create table bad.shut (id int primary key); "
        "alter table bad.shut enable row level security",
        "unindexed_foreign_key|bad.child child_parent_fkey": "create table bad.parent (id int primary key); "
        "create table bad.child (id int primary key, parent int references bad.parent)",
        "duplicate_index|bad.twice: CREATE INDEX ON bad.twice USING btree (two)": "create table bad.twice "
        "(id int primary key, two int); create index on bad.twice (two); create index on bad.twice (two)",
        "materialized_view_or_foreign_table_in_api|kept": "create materialized view public.kept as select 1 as one",
    }
    project.sql(f"create schema bad; {'; '.join(planted.values())}")
    try:
        found = findings(project) - before
        assert planted.keys() <= found
    finally:
        project.sql(
            "drop schema bad cascade; drop view seen, told; drop table open; drop function mighty(); "
            "drop materialized view kept"
        )
    assert findings(project) == before


def test_who_reads_the_opened_view_sees_no_more_than_the_tables_show_them(project: supabase.Project) -> None:
    listener(address(project), "install")
    try:
        one, _ = project.sql("select id from profiles order by id").splitlines()
        view = "select profile_id from profile_enrollment_sync_status"
        statistics = "select total_profiles, total_students from get_enrollment_statistics()"
        assert len(project.sql(view).splitlines()) == 2
        with pytest.raises(AssertionError, match="permission denied"):
            project.sql(f"{CLAIMS.format(one)} {view}")
        project.sql(OPENED)
        assert project.sql(f"{CLAIMS.format(one)} {view}") == f"{one}\n"
        assert project.sql(f"{CLAIMS.format(one)} {statistics}") == "1|1\n"
        for what in (view, statistics):
            with pytest.raises(AssertionError, match="permission denied"):
                project.sql(f"set role anon; {what}")
    finally:
        listener(address(project), "uninstall")


def advice(url: str, code: str) -> list[dict[str, object]]:
    """What `diagnose` advises under that code, with the exit status that it would have without."""
    done = listener(url, "diagnose", "--json", check=False)
    found = json.loads(done.stdout)
    assert done.returncode == bool(found["findings"]), found["findings"]
    return [each for each in found["advice"] if each["code"] == code]


def triggers(project: supabase.Project, role: str) -> str:
    """Whether a role may put a trigger on each of the three tables."""
    tables = "unnest('{profiles,courses,enrollments}'::regclass[]) as lms(oid)"
    return project.sql(f"select bool_or(has_table_privilege('{role}', oid, 'trigger')) from {tables}").strip()


PAGE = (ROOT / "docs" / "how-to" / "supabase.md").read_text(encoding="utf-8")
TAKEN_BACK = re.findall(r"^```sql\n(revoke trigger.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


OPEN_STILL = """
select bool_or(has_table_privilege(role, oid, 'trigger'))
from
    unnest('{profiles,courses,enrollments}'::regclass[]) as lms(oid),
    unnest('{anon,authenticated,service_role}'::text[]) as role
"""
ATTACK = """
set role anon;
create function pg_temp.grab() returns trigger language plpgsql
as 'begin raise exception ''ran as %'', current_user; end';
create trigger grab before insert on enrollments for each statement execute function pg_temp.grab();
reset role;
insert into enrollments (user_id, course_id) select profiles.id, courses.id from profiles, courses;
"""


def attacked(project: supabase.Project) -> str:
    """What the database says when a role of the API's has put a trigger on a table, and its owner writes there."""
    with pytest.raises(AssertionError) as raised:
        project.sql(ATTACK)
    return str(raised.value)


def test_attacker_with_a_key_of_the_api_may_put_a_trigger_on_the_tables_until_the_how_to_takes_that_back(
    project: supabase.Project,
) -> None:
    listener(address(project), "install")
    try:
        # What default privileges have given: the trigger would run as the one who enrolls.
        assert [triggers(project, role) for role in ("anon", "authenticated")] == ["t", "t"]
        (told,) = advice(address(project), "triggers_open_to_others")
        assert told["affected"] == 3
        (taken_back,) = TAKEN_BACK
        assert f"ran as {USER}" in attacked(project)
        assert project.sql(f"begin; {taken_back} {OPEN_STILL}; rollback") == "f\n"
        # The very command that is advised mends it, and nothing else is lost.
        mended = project.sql(f"{told['mend']} select has_table_privilege('anon', 'profiles', 'insert, trigger')")
        assert mended == "t\n"
        for role in ("anon", "authenticated", "service_role"):
            assert triggers(project, role) == "f"
        assert not advice(address(project), "triggers_open_to_others")
        assert "permission denied for table enrollments" in attacked(project)
        with pytest.raises(AssertionError, match="permission denied for table enrollments"):
            project.sql("set role anon; truncate enrollments")
    finally:
        project.sql("grant all on profiles, courses, enrollments to anon, authenticated, service_role")
        listener(address(project), "uninstall")


def test_owners_and_superusers_are_not_advised_against(project: supabase.Project) -> None:
    listener(address(project), "install")
    try:
        project.sql('create role colleague in role postgres; create role "an ""odd"" one"', role=supabase.ADMIN)
        (told,) = advice(address(project), "triggers_open_to_others")
        project.sql(str(told["mend"]))
        project.sql(f"grant trigger on profiles to postgres, {supabase.ADMIN}, colleague")
        assert not advice(address(project), "triggers_open_to_others")
        project.sql('grant trigger on courses to "an ""odd"" one"; grant references on enrollments to public')
        (told,) = advice(address(project), "triggers_open_to_others")
        assert str(told["mend"]).split("; ") == [
            'revoke trigger on public.courses from "an ""odd"" one"',
            "revoke references on public.enrollments from public;",
        ]
    finally:
        project.sql(
            'drop owned by colleague, "an ""odd"" one"; drop role colleague, "an ""odd"" one"', role=supabase.ADMIN
        )
        project.sql("revoke references on enrollments from public")
        project.sql("grant all on profiles, courses, enrollments to anon, authenticated, service_role")
        listener(address(project), "uninstall")


def test_the_advisor_has_nothing_to_say_about_keys_and_indexes_that_sync_adds(project: supabase.Project) -> None:
    before = findings(project)
    listener(address(project), "install")
    try:
        listener(address(project), "sync", "--structure", check=False)
        assert not findings(project) - before
    finally:
        listener(address(project), "uninstall")
