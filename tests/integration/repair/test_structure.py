"""Keys and indexes: what `sync --structure` adds, what it leaves as it is, and that it says what is not there."""

import json
from collections.abc import Callable

import pytest

from tests.conftest import Database
from tests.support.command import command
from tests.support.project import SUPPORT

CASE = (SUPPORT / "users_case.sql").read_text()
KEYS = """
select conname || ' ' || pg_get_constraintdef(oid)
from pg_constraint
where conrelid = 'enrollments'::regclass and contype in ('f', 'u')
order by 1
"""
COURSE = "enrollments_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses(id) ON DELETE CASCADE"
UNIQUE = "UNIQUE (user_id, course_id)"
INVALID = "select count(*) from pg_index where not indisvalid"


class Case:
    """The seed case, with the listener installed."""

    def __init__(self, database: Database, changed: str = "") -> None:
        self.database = database
        self.sql(CASE)
        self.sql(changed)
        command(database.url, "install", "--take-over")
        command(database.url, "sync")

    def sql(self, text: str) -> list[str]:
        """What psql prints."""
        return self.database.server.psql(self.database.name, text).splitlines()

    def structure(self, *arguments: str, status: int = 0) -> str:
        """`listener sync --structure`."""
        return command(self.database.url, "sync", "--structure", *arguments, status=status)

    def diagnosed(self, status: int = 0) -> tuple[list[str], list[str]]:
        """The codes of the findings, and those of the advice."""
        said = json.loads(command(self.database.url, "diagnose", "--json", status=status))
        return [each["code"] for each in said["findings"]], [each["code"] for each in said["advice"]]


@pytest.fixture
def case(make_database: Callable[..., Database]) -> Callable[[str], Case]:
    """Makes the case, with changes of its own."""

    def make(changed: str) -> Case:
        return Case(make_database(empty=True), changed)

    return make


def foreign_key(rest: str) -> str:
    return f"""
    alter table enrollments drop constraint enrollments_user_id_fkey;
    alter table enrollments add constraint who foreign key (user_id) {rest};
    comment on constraint who on enrollments is 'E''s key: \\ @omit';
    """


COMMENT = "select obj_description(oid, 'pg_constraint') from pg_constraint where conname = 'who'"


@pytest.mark.parametrize(
    "rules",
    [
        "",
        "ON DELETE RESTRICT",
        "ON UPDATE CASCADE ON DELETE SET NULL",
        "ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED",
    ],
)
@pytest.mark.half
def test_a_key_that_is_replaced_keeps_its_name_and_all_its_rules(case: Callable[[str], Case], rules: str) -> None:
    lms = case(foreign_key(f"references auth.users {rules}"))
    migration = lms.structure("--print")
    lms.structure()
    expected = f"who FOREIGN KEY (user_id) REFERENCES profiles(id) {rules}".strip()
    assert lms.sql(KEYS) == [COURSE, f"enrollments_user_id_course_id_key {UNIQUE}", expected]
    assert lms.sql(COMMENT) == ["E's key: \\ @omit"]
    assert "comment on constraint" in migration
    assert lms.diagnosed() == (
        [],
        [] if rules.startswith(("ON UPDATE", "ON DELETE C")) else ["foreign_key_without_cascade"],
    )


def test_cascade_is_only_done_where_it_is_asked_for_by_name(case: Callable[[str], Case]) -> None:
    lms = case(foreign_key("references profiles on delete restrict"))
    said = lms.structure()
    assert "who" not in said
    kept = "who FOREIGN KEY (user_id) REFERENCES profiles(id) ON DELETE RESTRICT"
    assert kept in lms.sql(KEYS)
    assert lms.diagnosed() == ([], ["foreign_key_without_cascade"])
    refused = command(lms.database.url, "sync", "--structure", "--cascade", "whom", status=2)
    assert refused == ""
    assert "who of public.enrollments says ON DELETE RESTRICT" in lms.structure(
        "--cascade", "who", "--dry-run", status=1
    )
    assert kept in lms.sql(KEYS)
    lms.structure("--cascade", "who", "--cascade", "enrollments_course_id_fkey")
    assert "who FOREIGN KEY (user_id) REFERENCES profiles(id) ON UPDATE CASCADE ON DELETE CASCADE" in lms.sql(KEYS)
    assert COURSE in lms.sql(KEYS)
    assert lms.diagnosed() == ([], [])


def test_a_missing_key_is_made_with_cascade(case: Callable[[str], Case]) -> None:
    lms = case(
        "alter table enrollments drop constraint enrollments_user_id_fkey;"
        "alter table enrollments drop constraint enrollments_course_id_fkey;"
    )
    lms.structure()
    assert lms.sql(KEYS) == [
        "enrollments_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses(id) ON UPDATE CASCADE ON DELETE CASCADE",
        f"enrollments_user_id_course_id_key {UNIQUE}",
        "enrollments_user_id_fkey FOREIGN KEY (user_id) REFERENCES profiles(id) ON UPDATE CASCADE ON DELETE CASCADE",
    ]


def test_names_that_the_lms_uses_are_passed_over(case: Callable[[str], Case]) -> None:
    lms = case(
        "create table enrollments_user_id_course_id_key (id integer);"
        "create index enrollments_course_id_idx on profiles (role);"
        "create view enrollments_course_id_idx1 as select 1;"
    )
    said = lms.structure("--cascade", "enrollments_user_id_fkey")
    assert "enrollments_course_id_idx2 is there" in said
    assert f"enrollments_user_id_course_id_key1 {UNIQUE}" in lms.sql(KEYS)
    assert lms.diagnosed() == ([], [])


def test_what_was_broken_off_is_cleared_and_done(case: Callable[[str], Case]) -> None:
    lms = case(
        "alter table enrollments add constraint listener_enrollments_user_id_fkey"
        " foreign key (user_id) references profiles not valid;"
    )
    twice = "insert into enrollments (user_id, course_id) select user_id, course_id from enrollments limit 1"
    lms.sql(twice)
    build = "create unique index concurrently enrollments_user_id_course_id_key on enrollments (user_id, course_id)"
    lms.sql(f"\\set ON_ERROR_STOP 0\n{build}")
    assert lms.sql(INVALID) == ["1"]
    lms.structure("--cascade", "enrollments_user_id_fkey")
    assert lms.sql(INVALID) == ["0"]
    assert lms.diagnosed() == ([], [])
    assert lms.sql(KEYS) == [
        COURSE,
        f"enrollments_user_id_course_id_key {UNIQUE}",
        "enrollments_user_id_fkey FOREIGN KEY (user_id) REFERENCES profiles(id) ON UPDATE CASCADE ON DELETE CASCADE",
    ]


def test_what_is_not_there_afterwards_is_said(case: Callable[[str], Case]) -> None:
    lms = case("")
    lms.sql(
        """
        create function undo() returns event_trigger language plpgsql as $$
        begin
            if exists (select from pg_event_trigger_ddl_commands() where object_identity ~ 'course_id_idx') then
                raise 'no such index here';
            end if;
            if to_regclass('enrollments_user_id_course_id_key') is not null and tg_tag = 'ALTER TABLE' then
                alter table enrollments drop constraint enrollments_user_id_course_id_key;
            end if;
        end $$;
        create event trigger undo on ddl_command_end
        when tag in ('CREATE INDEX', 'ALTER TABLE') execute function undo();
        """
    )
    said = lms.structure(status=1)
    assert "no index of public.enrollments begins with course_id: not done, for no such index here" in said
    assert "public.enrollments (user_id, course_id) is not unique: not done\n" in said
    assert "enrollments_user_id_fkey is there" in said
    assert lms.sql(INVALID) == ["0"]
    assert lms.diagnosed() == ([], ["foreign_key_without_cascade", "unique_pair_missing", "index_missing"])


@pytest.mark.parametrize("rest", ["(user_id, course_id) where status = 'active'", "(course_id, user_id, status)"])
@pytest.mark.half
def test_where_the_lms_says_what_may_not_be_twice_nothing_else_is_asked_for(
    case: Callable[[str], Case], rest: str
) -> None:
    lms = case(f"create unique index once on enrollments {rest}")
    lms.sql("insert into enrollments (user_id, course_id, status) select user_id, course_id, 'left' from enrollments")
    assert "unique_pair_missing" not in lms.diagnosed()[1]
    assert "duplicate_enrollments" not in lms.diagnosed()[1]
    lms.structure()
    assert lms.sql("select count(*) from listener.quarantine") == ["0"]
    assert lms.sql("select count(*) from enrollments") == ["14"]


def test_what_the_listener_s_work_needs_is_a_finding(case: Callable[[str], Case]) -> None:
    lms = case(
        "alter table profiles drop constraint profiles_id_fkey;alter table enrollments add unique (course_id, user_id);"
    )
    assert lms.diagnosed() == ([], ["foreign_key_wrong_table", "foreign_key_without_cascade"])
    lms.sql("drop index listener_enrollment_profile")
    assert lms.diagnosed(status=1)[0] == ["index_missing"]
    lms.sql("insert into profiles (id, role) values (gen_random_uuid(), 'student')")
    command(lms.database.url, "sync", status=1)
    assert "foreign_key_wrong_table" in lms.diagnosed(status=1)[0]
    lms.sql("update listener.pending_enrollment set next_attempt_at = clock_timestamp()")
    lms.structure()
    assert lms.diagnosed() == ([], ["foreign_key_without_cascade"])


def test_install_says_if_nothing_keeps_a_profile_from_being_in_a_course_twice(
    make_database: Callable[..., Database],
) -> None:
    database = make_database(installed=False)
    said = "enrollments (user_id, course_id) is not unique"
    database.server.psql(database.name, "alter table enrollments drop constraint enrollments_user_id_course_id_key")
    assert said in command(database.url, "install")
    command(database.url, "sync", "--structure")
    assert said not in command(database.url, "install")


def test_a_column_beside_which_the_kind_of_thing_stands_gets_no_key(case: Callable[[str], Case]) -> None:
    school = case(
        """
        alter table enrollments drop constraint enrollments_course_id_fkey;
        alter table enrollments add course_type text not null default 'Course';
        insert into enrollments (user_id, course_id, course_type)
        select user_id, gen_random_uuid(), 'Major' from enrollments limit 1
        """
    )
    assert not {"foreign_key_missing", "unique_pair_missing"} & set(school.diagnosed()[1])
    assert "quarantine" not in school.structure("--print")
