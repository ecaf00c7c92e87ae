"""Somebody who may create schemas has made one called listener: nothing in it is read, and nothing of it runs."""

import pytest

from tests.support.mallory import COMMANDS, TAKE, Mallory, told

TABLE = """
create table listener.installation (
    only_row boolean primary key default true check (only_row),
    version smallint not null,
    fingerprint text not null,
    mapping jsonb not null,
    installed_at timestamptz not null default now()
);
insert into listener.installation (version, fingerprint, mapping) values (1, '', '{}');
"""

FUNCTION = f"""
create function listener.take() returns boolean language plpgsql as $$
begin {TAKE.format(what="planted")} return true; end $$;
"""

NOTHING = "suppress_redundant_updates_trigger"

PLANTED = {
    "a view": f"""
        {FUNCTION}
        create view listener.installation as
        select true as only_row, 1::smallint as version, ''::text as fingerprint, '{{}}'::jsonb as mapping,
            now() as installed_at
        where listener.take();
    """,
    "a table of ours with functions of his": f"""
        {TABLE} {FUNCTION}
        create table listener.binding (token text);
        create function listener.bound_now() returns table (
            token text, schema_name text, table_name text, name text, problem text
        ) language sql as 'select null, null, null, null, null from listener.take()';
        create function listener.is_bound() returns boolean language sql as 'select listener.take()';
    """,
    "a table with a policy": f"""
        {TABLE} {FUNCTION}
        alter table listener.installation enable row level security;
        create policy take on listener.installation using (listener.take());
    """,
    "a table with other columns": f"""
        {FUNCTION} create domain listener.word as text check (listener.take());
        create table listener.installation (
            only_row boolean, version smallint, fingerprint listener.word, mapping jsonb, installed_at timestamptz
        );
        insert into listener.installation values (true, 1, '', '{{}}', now());
    """,
    "a partitioned table": """
        create table listener.installation (
            only_row boolean, version smallint not null, fingerprint text not null, mapping jsonb not null,
            installed_at timestamptz
        ) partition by list (version);
    """,
    "nothing but a function": FUNCTION,
}

LOOKS = tuple(command for command in COMMANDS if command != ("uninstall",))


def prepared(mallory: Mallory, what: str) -> Mallory:
    mallory.as_superuser(f"grant create on database {mallory.database.name} to mallory, school")
    mallory.does(
        f"create schema listener; {what} grant usage on schema listener to public;"
        "grant all on all tables in schema listener to public;"
        "grant execute on all functions in schema listener to public"
    )
    return mallory


@pytest.mark.parametrize("what", PLANTED.values(), ids=PLANTED)
@pytest.mark.half
def test_no_command_of_a_superuser_s_runs_what_is_in_it(mallory: Mallory, what: str) -> None:
    prepared(mallory, what)
    for command in (*LOOKS, ("install",)):
        if what == FUNCTION and command[0] == "run":
            continue  # the daemon waits for an installation
        done = mallory.run(*command)
        assert mallory.loot == [], command
        assert len(told(done)) <= 1, done.stderr
        if what != FUNCTION:
            assert done.returncode == 2, done.stdout
            assert "schema" in done.stderr
            assert "listener" in done.stderr
    done = mallory.run("uninstall")
    assert mallory.loot == []
    assert len(told(done)) <= 1, done.stderr
    if what != FUNCTION:
        assert done.returncode == 2, done.stdout
        assert "a schema called listener is there, and holds something that is not ours" in done.stderr
    mallory.as_superuser("drop schema listener cascade")
    assert mallory.run("install").returncode == 0


@pytest.mark.parametrize("what", ["a view", "a table of ours with functions of his"])
@pytest.mark.half
def test_nor_does_a_command_of_the_tables_owner_s(mallory: Mallory, what: str) -> None:
    prepared(mallory, PLANTED[what])
    mallory.as_superuser(
        "alter table profiles owner to school; alter table courses owner to school;"
        "alter table enrollments owner to school"
    )
    for command in (*COMMANDS, ("install",)):
        done = mallory.run(*command, role="school")
        assert mallory.loot == [], command
        assert done.returncode == 2, done.stdout
        assert len(told(done)) == 1, done.stderr


def test_an_installation_that_somebody_made_for_tables_of_his_own_is_not_ours(mallory: Mallory) -> None:
    """It is whole, and all of it is his: no command of a superuser's runs it, but for those that install and remove it,
    which do so with his rights, and say whose tables these are."""
    mallory.as_superuser(f"grant create on database {mallory.database.name} to mallory")
    mallory.does(
        "create schema his; create table his.profiles (id uuid primary key, role text default 'student');"
        "create table his.courses (id uuid primary key, title text, enrollments integer);"
        "create table his.enrollments (user_id uuid references his.profiles, course_id uuid references his.courses,"
        " status text default 'active', primary key (user_id, course_id))"
    )
    assert mallory.run("install", role="mallory", student_predicate="true", active_values="active").returncode == 0
    mallory.does(
        "create or replace function listener.is_bound() returns boolean language plpgsql as $$ begin"
        f"{TAKE.format(what='is_bound')} return true; end $$;"
        "grant usage on schema listener to public; grant all on all tables in schema listener to public;"
        "grant execute on all functions in schema listener to public"
    )
    for command in LOOKS:
        done = mallory.run(*command)
        assert mallory.loot == [], command
        if command[0] == "install":
            assert done.returncode == 0, done.stderr
            assert "mallory" in done.stdout
            continue
        assert done.returncode == 2, done.stdout
        assert len(told(done)) == 1, done.stderr
        assert "belongs to mallory" in done.stderr
    for changes in ("install", "uninstall"):
        assert mallory.run(changes).returncode == 0
        assert mallory.loot == [], changes
    assert told(mallory.run("install"))[0].startswith("listener: cannot tell whose tables the"), (
        "nobody's by themselves"
    )


def test_a_rule_or_a_trigger_on_a_table_of_ours_is_told_and_not_met(mallory: Mallory) -> None:
    assert mallory.run("install").returncode == 0
    for made, gone in (
        (
            "create rule a as on update to listener.installation do also select 1",
            "drop rule a on listener.installation",
        ),
        (
            f"create trigger a before update on listener.change for each row execute function {NOTHING}()",
            "drop trigger a on listener.change",
        ),
        ("alter table listener.pause owner to mallory", "alter table listener.pause owner to current_user"),
        ("alter function listener.follow() owner to mallory", "alter function listener.follow() owner to current_user"),
        ("create table listener.more () inherits (listener.pause)", "drop table listener.more"),
    ):
        mallory.as_superuser(made)
        done = mallory.run("status")
        assert done.returncode == 2, made
        assert len(told(done)) == 1, done.stderr
        assert "not ours" in done.stderr
        mallory.as_superuser(gone)
        assert mallory.run("pending").returncode == 0


def test_the_daemon_s_role_may_use_an_owner_s_schema_unless_it_has_more_rights_than_the_owner(mallory: Mallory) -> None:
    mallory.as_superuser(
        f"grant create on database {mallory.database.name} to school; grant create on schema public to school;"
        "alter table profiles owner to school; alter table courses owner to school;"
        "alter table enrollments owner to school;"
        "do $$ begin create role of_the_daemon login; exception when duplicate_object then null; end $$"
    )
    assert mallory.run("install", "--grant-to", "of_the_daemon", role="school").returncode == 0
    assert mallory.run("pending", role="of_the_daemon").returncode == 0
    mallory.as_superuser("create table elsewhere (secret text); grant select on elsewhere to of_the_daemon")
    refused = mallory.run("pending", role="of_the_daemon")
    assert refused.returncode == 2
    assert "of_the_daemon has rights on public.elsewhere" in refused.stderr
    mallory.as_superuser("revoke select on elsewhere from of_the_daemon; grant select on profiles to of_the_daemon")
    assert mallory.run("pending", role="of_the_daemon").returncode == 0
    mallory.as_superuser("alter role of_the_daemon createrole")
    assert mallory.run("pending", role="of_the_daemon").returncode == 2
    mallory.as_superuser("alter role of_the_daemon nocreaterole; drop owned by of_the_daemon; drop role of_the_daemon")
