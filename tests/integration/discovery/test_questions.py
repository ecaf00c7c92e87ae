"""Never in silence: what reads like a state and is not understood is asked about, all of it in one answer; nothing else
is."""

import re

import pytest

from listener.database.connection import Connection
from listener.discovery.discovery import discover, look
from listener.errors import ListenerError
from listener.mapping.mapping import Mapping
from listener.schema import install
from tests.support.guessing import COURSES, ENROLLED, PEOPLE

SETTING = re.compile(r'LISTENER_([A-Z_]+)="([^"]*)"')


@pytest.fixture
async def school(empty_database: Connection) -> Connection:
    """A plain school."""
    await empty_database.execute(PEOPLE + COURSES + ENROLLED)
    return empty_database


def conditions(mapping: Mapping) -> str:
    return f"{mapping.is_student} {mapping.is_person} {mapping.is_active} {mapping.is_available}"


async def asked(connection: Connection) -> str:
    with pytest.raises(ListenerError) as error:
        await look(connection)
    return str(error.value)


@pytest.mark.parametrize(
    ("table", "column", "seen"),
    [
        ("enrollments", "is_trial boolean not null default false", "is_trial (boolean: false) may say it"),
        ("enrollments", "em_espera boolean", "em_espera (boolean: no value yet) may say it"),
        ("enrollments", "expires_at timestamptz", "expires_at (timestamp with time zone: no value yet) may say it"),
        ("enrollments", "valido_ate date", "valido_ate (date: no value yet) may say it"),
        (
            "enrollments",
            "phase text check (phase in ('running', 'dropped'))",
            "phase (text: running, dropped) may say it",
        ),
        ("users", "is_guest boolean default false", "is_guest (boolean: false) may say it"),
        ("users", "status smallint default 1", "status (smallint: no value yet) may say it"),
        ("users", "gesperrt_status text check (gesperrt_status in ('ok', 'gesperrt', 'halb'))", "ok, gesperrt, halb"),
        ("users", "status text check (status in ('active', 'banned', 'halted'))", "active, banned, halted"),
        ("courses", "is_private boolean default true", "is_private (boolean: true) may say it"),
        ("courses", "stage text check (stage in ('one', 'archived', 'two'))", "one, archived, two"),
        ("courses", "privado boolean", "privado (boolean: no value yet)"),
        ("courses", "visibility text check (visibility in ('public', 'unlisted'))", "public, unlisted"),
    ],
)
@pytest.mark.half
async def test_it_is_asked_about_and_the_setting_answers(
    school: Connection, table: str, column: str, seen: str
) -> None:
    await school.execute(f"alter table {table} add {column}")
    said = await asked(school)
    assert f"public.{table}.{column.split()[0]}" in said
    assert seen in said
    assert "--accept-guesses: they play no part" in said
    found = SETTING.search(said)
    assert found is not None
    # As it is given, it plays no part; and with a condition on it, a part.
    name, condition = found[1].lower(), found[2]
    assert column.split()[0] not in conditions(await discover(school, {name: condition}))
    more = f"{condition} and {column.split()[0]} is null"
    assert column.split()[0] in conditions(await discover(school, {name: more}))


@pytest.mark.parametrize(
    "columns",
    {
        "users": "created_at timestamptz, updated_at timestamptz, last_login_at timestamptz, is_verified boolean,"
        " email_confirmed boolean, email_verified_at timestamptz, onboarding_completed boolean, dark_mode boolean,"
        " marketing_consent boolean, is_premium boolean, birth_date date, subscription_status text check"
        " (subscription_status in ('active', 'canceled')), trial_ends_at timestamptz, password_expires_at timestamptz,"
        " is_admin boolean, is_staff boolean, gender text check (gender in ('f', 'm')), locale text, level smallint,"
        " xp integer, is_online boolean, must_change_password boolean, bio text, state text, phone_verified boolean",
        "courses": "created_at timestamptz, published_at timestamptz, starts_on date, is_featured boolean, is_free"
        " boolean, has_certificate boolean, level text check (level in ('beginner', 'advanced')), language text,"
        " duration integer, rating numeric,"
        " allow_comments boolean, is_premium boolean, position smallint, start_date date",
        "enrollments": "enrolled_at timestamptz, completed_at timestamptz, last_accessed_at timestamptz, progress"
        " numeric, is_completed boolean, certificate_issued boolean, certificate_issued_at timestamptz, started_at"
        " timestamptz, reminder_sent boolean, grade smallint, is_favorite boolean, progress_status text check"
        " (progress_status in ('not_started', 'in_progress')), updated_at timestamptz, payment_status text check"
        " (payment_status in ('paid', 'cancelled'))",
    }.items(),
)
async def test_what_is_no_state_is_not_asked_about(school: Connection, columns: tuple[str, str]) -> None:
    table, added = columns
    for column in re.split(r", (?![^(]*\))", added):
        await school.execute(f"alter table {table} add {column}")
    if table == "enrollments":
        await school.execute("alter table enrollments add status text check (status in ('active', 'left'))")
    mapping = await discover(school)
    assert "accept_guesses" not in mapping.settings


async def test_all_questions_are_one_answer_and_guesses_can_be_accepted(school: Connection) -> None:
    await school.execute(
        "alter table users drop role, add role_id integer, add is_frozen boolean;"
        "alter table courses add status text check (status in ('a', 'b')), add org_id integer;"
        "alter table enrollments add status text not null default 'x' check (status in ('x', 'y')), add on_hold boolean"
    )
    said = await asked(school)
    first, *lines = said.splitlines()
    assert first == "6 things cannot be told; nothing is changed until they are."
    assert [line.split(":")[0] for line in lines] == [
        "1. cannot tell which enrollments are active",
        "2. cannot tell which enrollments are active",
        "3. cannot tell who is a student",
        "4. cannot tell which people are there still",
        "5. cannot tell which courses are published",
        "6. cannot tell which school a person is in",
    ]
    assert all("Set LISTENER_" in line and "--accept-guesses: " in line for line in lines)
    found = await look(school, {"accept_guesses": "*"})
    assert [guess for _, guess in found.guessed] == [
        "every enrollment counts",
        "they play no part",
        "everyone is a student",
        "they play no part",
        "students may land in every course",
        "all students land in the same course",
    ]
    assert sum(line[0] == "guessed" for line in found.lines()) == 6
    # They are kept, and what comes later is asked about.
    await install.install(school, await install.plan(school, {"accept_guesses": "*"}))
    assert (await install.plan(school, {})).is_done
    await school.execute("alter table courses add is_private boolean")
    with pytest.raises(ListenerError, match="is_private"):
        await install.plan(school, {})
    assert not (await install.plan(school, {"publish_predicate": "is_private is not true"})).is_done


async def test_what_needs_a_value_is_never_guessed(school: Connection) -> None:
    await school.execute("alter table enrollments add term integer not null, add is_trial boolean")
    said = await asked(school)
    assert said.startswith("2 things cannot be told")
    with pytest.raises(ListenerError, match=r"what to put into public.enrollments \(term\)"):
        await look(school, {"accept_guesses": "*"})


@pytest.mark.parametrize(
    ("column", "condition"),
    [
        ("ends_on date", "(ends_on is null or ends_on >= current_date)"),
        ("data_fim timestamptz", "(data_fim is null or data_fim > now())"),
        ("enddatum timestamp", "(enddatum is null or enddatum > localtimestamp)"),
        ("enrollment_open boolean", "enrollment_open is not false"),
    ],
)
async def test_nobody_lands_in_a_course_that_is_over(school: Connection, column: str, condition: str) -> None:
    await school.execute(f"alter table courses add {column}, add published boolean")
    said = (await discover(school)).is_available.replace('{row}."', "").replace('"', "")
    assert said == f"published is true and {condition}"
