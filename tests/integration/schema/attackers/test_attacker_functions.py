"""Somebody writes functions: none is taken for one of ours by its text, and none that a rule calls can be made to run
something else."""

import pytest

from tests.support.mallory import TAKE, Mallory

MARKED = """
create schema his;
create function his.get_enrollment_statistics() returns integer language sql
as '/* made by listener install */ select 1';
create table his.notes (id integer);
create index his_index on his.notes (id);
create index listener_enrollment_profile on his.notes (id);
comment on index his.his_index is 'made by listener install';
create view his.profile_enrollment_sync_status as select his.get_enrollment_statistics();
comment on view his.profile_enrollment_sync_status is 'made by listener install';
create view his.report as select his.get_enrollment_statistics() as figure;
"""

HIS = (
    "select count(*) from pg_class join pg_namespace n on n.oid = relnamespace where nspname = 'his'",
    "select count(*) from pg_proc where pronamespace = to_regnamespace('his')",
)


@pytest.fixture
def owned(mallory: Mallory) -> Mallory:
    """The LMS belongs to `school`; the role `mallory` may create schemas."""
    mallory.as_superuser(
        f"grant create on database {mallory.database.name} to mallory, school; grant create on schema public to school;"
        "alter table profiles owner to school; alter table courses owner to school;"
        "alter table enrollments owner to school"
    )
    return mallory


@pytest.mark.parametrize("role", ["school", None])
@pytest.mark.quarter
def test_what_says_that_install_made_it_stands_in_no_way_and_stays(owned: Mallory, role: str | None) -> None:
    owned.does(MARKED)
    before = [owned.as_superuser(query) for query in HIS]
    settings = {} if role else {"enrollment_table": "public.enrollments"}
    for command in ("install", "install", "uninstall", "install", "uninstall"):
        done = owned.run(command, role=role, **(settings if command == "install" else {}))
        assert done.returncode == 0, done.stderr
        assert [owned.as_superuser(query) for query in HIS] == before, command


@pytest.mark.parametrize("role", ["school", None])
@pytest.mark.half
def test_nor_where_the_lms_s_own_things_are(owned: Mallory, role: str | None) -> None:
    """In the LMS's schema, under the names that install would give."""
    owned.as_superuser("grant create on schema public to mallory")
    owned.does(
        "create function public.get_enrollment_statistics() returns integer language sql"
        " as '/* made by listener install */ select 1';"
        "comment on function public.get_enrollment_statistics() is 'made by listener install';"
        "create view public.profile_enrollment_sync_status as select 1 as one;"
        "comment on view public.profile_enrollment_sync_status is 'made by listener install';"
        "create table public.his (id integer); create index listener_enrollment_profile on public.his (id);"
    )
    owned.as_superuser("alter table enrollments drop constraint enrollments_user_id_course_id_key")
    settings = {} if role else {"enrollment_table": "public.enrollments"}
    for command in ("install", "install", "diagnose", "uninstall", "install", "uninstall"):
        done = owned.run(command, role=role, **(settings if command != "uninstall" else {}))
        if command == "diagnose" and role is None:
            assert (done.returncode, "connect as school" in done.stderr) == (2, True)
            continue
        assert done.returncode in (0, 1), done.stderr
        assert done.stderr == ""
        assert owned.as_superuser(
            "select pg_get_userbyid(proowner) from pg_proc where proname = 'get_enrollment_statistics'"
        ).split() == ["mallory"]
        assert owned.as_superuser("select to_regclass('listener_enrollment_profile') is not null").strip() == "t"


LOOKS_UP = {
    "sql": "language sql stable {path} as 'select exists (select from pupils where pupils.id = $1)'",
    "plpgsql": "language plpgsql stable {path} as 'begin return exists (select from pupils p where p.id = $1); end'",
}
TEMPORARY = f"""
create function pg_temp.take() returns uuid language plpgsql as $$
begin {TAKE.format(what="view")} return null; end $$;
create temporary view pupils as select pg_temp.take() as id;
grant all on pupils to public;
insert into public.profiles (role) values ('student');
"""


@pytest.mark.parametrize(
    "path", ["", "set search_path = public", "set search_path = ''", "set search_path = pg_temp, public"]
)
@pytest.mark.parametrize("language", LOOKS_UP)
@pytest.mark.parametrize("by_query", [False, True])
@pytest.mark.quarter
def test_a_function_that_may_find_a_temporary_view_is_refused(
    owned: Mallory, language: str, path: str, by_query: bool
) -> None:
    owned.acts(
        "school",
        "create table public.pupils (id uuid primary key); set check_function_bodies = off;"
        f"create function public.is_pupil(uuid) returns boolean {LOOKS_UP[language].format(path=path)};",
    )
    owned.as_superuser("grant insert on profiles to mallory; insert into courses (title) values ('a')")
    settings = {"student_predicate": "public.is_pupil(id)"}
    if by_query:
        query = "select p.id, c.id from public.profiles p cross join public.courses c where public.is_pupil(p.id)"
        settings = {"wanted_query": query, "watch": "is_pupil(audit)"}
    refused = owned.run("install", role="school", **settings)
    if refused.returncode == 0:  # as it was
        owned.does(TEMPORARY)
        assert owned.loot == []
    assert refused.returncode == 2, refused.stdout
    assert len(refused.stderr.splitlines()) == 1
    assert "public.is_pupil(uuid)" in refused.stderr
    mend = refused.stderr.strip().removesuffix(".").rpartition(": ")[2]
    assert mend.startswith("alter function public.is_pupil(uuid) set search_path = ")
    assert mend.endswith(", pg_temp")
    owned.acts("school", mend)
    accepted = owned.run("install", role="school", **settings)
    assert accepted.returncode == 0, accepted.stderr
    owned.does(TEMPORARY)
    owned.run("sync", role="school")
    assert owned.loot == []


@pytest.mark.parametrize("language", LOOKS_UP)
def test_so_is_one_whose_path_does_not_lead_to_what_it_names(owned: Mallory, language: str) -> None:
    path = "set search_path = pg_catalog, pg_temp"
    owned.acts(
        "school",
        "create table public.pupils (id uuid); set check_function_bodies = off;"
        f"create function public.is_pupil(uuid) returns boolean {LOOKS_UP[language].format(path=path)};",
    )
    refused = owned.run("install", role="school", student_predicate="public.is_pupil(id)")
    assert refused.returncode == 2, refused.stdout
    assert "pupils" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_function_that_names_everything_with_its_schema_is_accepted(owned: Mallory) -> None:
    owned.acts(
        "school",
        "create table public.pupils (id uuid);"
        "create function public.is_pupil(uuid) returns boolean language sql stable"
        " as 'select exists (select from public.pupils where pupils.id = $1)';"
        "create function public.is_one(uuid) returns boolean language plpgsql stable"
        " as 'begin return exists (select from public.pupils as pupils where pupils.id = $1); end';",
    )
    done = owned.run("install", role="school", student_predicate="public.is_pupil(id) and public.is_one(id)")
    assert done.returncode == 0, done.stderr


def test_a_function_or_an_operator_of_somebody_else_s_is_refused(owned: Mallory) -> None:
    """It would run at every sign-up, and its owner may have it do something else tomorrow."""
    owned.as_superuser("grant create on schema public to mallory; alter table profiles alter role type varchar")
    owned.does(
        "create function public.same(varchar, varchar) returns boolean language plpgsql immutable as $$ begin"
        f"{TAKE.format(what='operator')} return $1::text operator(pg_catalog.=) $2::text; end $$;"
        "create operator public.= (leftarg = varchar, rightarg = varchar, function = public.same)"
    )
    for predicate in ("role = 'student'::varchar", "public.same(role, 'student')"):
        done = owned.run("install", role="school", student_predicate=predicate)
        assert owned.loot == []
        assert done.returncode == 2, done.stdout
        assert len(done.stderr.splitlines()) == 1
        assert "same(" in done.stderr
        assert "belongs to mallory" in done.stderr
