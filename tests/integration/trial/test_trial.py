"""`listener try`, as somebody runs it who has a schema and no database: a process, with nothing left behind."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from listener.catalogue.catalogue import Catalogue
from listener.database.connection import Connection
from listener.errors import NotLoaded
from listener.mapping.mapping import Table
from listener.trial.loading import Loading
from listener.trial.platform import Platform
from listener.trial.rows import Maker
from listener.trial.statements import statements
from tests.conftest import Database
from tests.support.leftovers import leftovers
from tests.support.postgres import wait_until

MIGRATIONS = {
    "1_people.sql": """
        -- Anna wrote this.
        create extension if not exists "uuid-ossp" with schema extensions;
        create extension postgis;
        create extension pg_cron;
        create table organizations (
            id uuid primary key default extensions.uuid_generate_v4(), name text not null, place geometry(Point, 4326)
        );
        create index on organizations using gist (place);
        create table profiles (
            id uuid primary key references auth.users on delete cascade,
            organization_id uuid not null references organizations,
            email text not null,
            deleted_at timestamptz
        );
        create type app_role as enum ('admin', 'student');
        create table user_roles (
            user_id uuid not null references auth.users on delete cascade,
            role app_role not null,
            unique (user_id, role)
        );
        comment on table profiles is 'those whom Anna knows';
    """,
    "2_courses.sql": """
        create table courses (
            id uuid primary key default gen_random_uuid(),
            organization_id uuid references organizations,
            title varchar(12) not null,
            slug text not null unique check (slug ~ '^[a-z0-9-]+$'),
            status text not null default 'draft' check (status in ('draft', 'published', 'archived')),
            level smallint not null check (level between 3 and 5),
            students_count integer not null default 0,
            begins_on date not null,
            ends_on date not null,
            check (begins_on < ends_on)
        );
        create table enrollments (
            user_id uuid not null references auth.users on delete cascade,
            course_id uuid not null references courses on delete cascade,
            status text not null default 'active' check (status in ('active', 'dropped')),
            source text not null,
            primary key (user_id, course_id)
        );
        alter table enrollments enable row level security;
        create policy "Anna sees them" on enrollments to authenticated using (auth.uid() = user_id);
        alter publication supabase_realtime add table enrollments;
    """,
    "10_sign_up.sql": """
        create function greet() returns trigger language plpgsql security definer set search_path = public as $$
        begin
            -- Anna is the first.
            insert into organizations (name) values ('one of mine');
            insert into profiles (id, email, organization_id) select new.id, new.email, min(id::text)::uuid
            from organizations;
            if new.email = 'anna@example.org' then
                insert into user_roles values (new.id, 'admin');
            end if;
            return new;
        end $$;
        create trigger greet after insert on auth.users for each row execute function greet();
        insert into storage.buckets (id, name) values ('faces', 'faces');
        select cron.schedule('nightly', '* * * * *', 'select 1');
    """,
    "10_sign_up.down.sql": "drop table enrollments",
}


@pytest.fixture
def temporary() -> Iterator[Path]:
    """The command's folder for temporary files; short, for it will hold a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="try-") as name:
        yield Path(name)


def start(temporary: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "listener", "try", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=os.environ | {"TMPDIR": str(temporary)} | environment,
    )


def test_a_folder_of_migrations_is_tried_told_and_reported_without_what_is_private(
    temporary: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    for name, text in MIGRATIONS.items():
        (folder / name).write_text(text)
    astray = {"LISTENER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing", "PGPORT": "1"}
    values = {"LISTENER_ENROLLMENT_VALUES": "source='sign-up'"}
    report = tmp_path / "report.sql"
    output, _ = (tried := start(temporary, str(folder), "--report", str(report), **values, **astray)).communicate()
    assert tried.returncode == 0, output
    passed_over = re.findall(r"^passed over: (.*)$", output, re.MULTILINE)
    for said, line in zip(
        (
            "extension pg_cron is not",
            "line 9: create index on",
            "cron.schedule(",
            "uuid-ossp is not",
            "for type geometry",
        ),
        passed_over,
        strict=True,
    ):
        assert said in line
    assert "user_roles (user_id) with role in ('student'), and deleted_at is null" in output
    assert "status in ('published') and (ends_on is null or ends_on >= current_date)" in output
    landed = re.findall(
        r"^person \d signs up in public.profiles: enrolled\n {4}in course (\S+) \('[^']*'\), ", output, re.MULTILINE
    )
    assert len(landed) == 2
    assert landed[0] == landed[1]
    counts = rf"course {landed[0]} \('[^']*'\) has 2 active enrollments; students_count says 2"
    assert re.search(counts, output)
    assert output.endswith("uninstall leaves no trace: the schema's dump is what it was\n")
    assert not leftovers(temporary)

    text = report.read_text()
    assert not re.search("anna|faces|nightly|sign-up|one of mine", text, re.IGNORECASE)
    again, _ = (tried := start(temporary, "-", **values)).communicate(text)
    assert tried.returncode == 0, again
    made_up = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|title \d+")
    assert made_up.sub("", again).partition("\n\n")[2] == made_up.sub("", output).partition("\n\n")[2]
    assert not leftovers(temporary)


@pytest.mark.parametrize("of", [(), ("--schema", "public")])
def test_a_dump_of_a_database_with_the_listener_in_it(database: Database, temporary: Path, of: tuple[str, ...]) -> None:
    dump = database.server.run("pg_dump", "--schema-only", *of, database.url).stdout
    output, _ = (tried := start(temporary, "-")).communicate(dump)
    assert tried.returncode == 0, output
    assert output.count("passed over: ") == 1
    assert "passed over: schema listener, and triggers that call it: they are of an installation" in output
    assert output.endswith("uninstall leaves no trace: the schema's dump is what it was\n")


async def test_a_statement_that_is_refused_is_named(empty_database: Connection) -> None:
    script = (
        "create extension pgtap; create table people (id integer primary key, place tap);\n"
        "grant all on people to anybody;\n"
        "insert into people values (1, 2, 3);\n"
        "create table courses (id integer primary key, id text);"
    )
    loading = Loading(empty_database, Platform(empty_database, empty_database))
    with pytest.raises(NotLoaded) as refused:
        await loading.load(list(statements(script, "dump.sql")))
    assert str(refused.value) == (
        "the schema cannot be loaded: dump.sql, line 4: create table courses (id integer primary key, id text): "
        'column "id" specified more than once.'
    )
    assert [each.partition(": ")[2] or each for each in loading.loaded.passed_over] == [
        "extension pgtap is not there",
        'create table people (id integer primary key, place tap): type "tap" does not exist',
        'insert into people values (1, 2, 3): relation "people" does not exist',
    ]


async def test_what_is_missing_without_an_extension_is_refused(empty_database: Connection) -> None:
    loading = Loading(empty_database, Platform(empty_database, empty_database))
    with pytest.raises(NotLoaded, match='relation "nobody" does not exist'):
        await loading.load(list(statements("create table courses (id integer references nobody)", "dump.sql")))


async def test_rows_differ_where_an_index_is_unique(empty_database: Connection) -> None:
    await empty_database.execute(
        """create table users (id serial primary key, email text not null default '');
        create unique index on users (email)"""
    )
    maker = Maker(empty_database, await Catalogue.load(empty_database))
    rows = [await maker.make(Table("public", "users")) for _ in range(2)]
    assert len({row["email"] for row in rows}) == len(rows)


async def test_a_role_that_is_there_is_referred_to_by_its_key(empty_database: Connection) -> None:
    await empty_database.execute("""
        create table roles (id uuid primary key, name text not null);
        insert into roles select id::uuid, name from (values
            ('00000000-0000-0000-0000-000000000001', 'admin'), ('00000000-0000-0000-0000-000000000002', 'student')
        ) as role(id, name);
        create table user_roles (id bigserial primary key, role_id uuid not null references roles);
    """)
    maker = Maker(empty_database, await Catalogue.load(empty_database))
    student = "00000000-0000-0000-0000-000000000002"
    row = await maker.make(Table("public", "user_roles"), [f"{{row}}.\"role_id\" in ('{student}')"])
    assert row["role_id"] == student


def test_ctrl_c_while_postgres_starts_leaves_nothing(temporary: Path) -> None:
    tried = start(temporary, "-")
    assert tried.stdin is not None
    tried.stdin.write("select 1;")
    tried.stdin.close()
    tried.stdin = None
    wait_until(lambda: any(temporary.glob("*/data/PG_VERSION")), "the data folder is being made")
    os.killpg(tried.pid, signal.SIGINT)  # as the terminal does: everyone in the group gets it
    output, _ = tried.communicate(timeout=60)
    assert tried.returncode == 130, output
    assert "Traceback" not in output
    assert not leftovers(temporary)
