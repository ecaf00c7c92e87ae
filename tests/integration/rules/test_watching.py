"""What keeps a query from being watched, or from being asked about one profile alone, is named, and what mends that."""

from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from listener.mapping.mapping import Hop, Mapping, Route, Table
from tests.conftest import Database
from tests.support.process import listener
from tests.support.wanted.queries import EVERYONE, PAID, SCHOOL, planned, refusal


@pytest.fixture
async def school(empty_database: Connection) -> Connection:
    await empty_database.execute(SCHOOL)
    return empty_database


def routes(mapping: Mapping, table: str) -> tuple[Route, ...]:
    """How a changed row of a table leads to profiles."""
    return next(each.routes for each in mapping.watched if each.table.name == table)


async def test_a_table_that_leads_nowhere_is_named_with_the_setting_and_each_form_of_it_mends_that(
    school: Connection,
) -> None:
    assert await refusal(school, PAID) == (
        "LISTENER_WANTED_QUERY cannot be watched: nothing says which profiles a row of public.payments is about. Set "
        "LISTENER_WATCH=public.payments(COLUMN), the column that holds a profile's key; public.payments(everyone); or "
        "public.payments(audit)."
    )
    profiles = Table("public", "profiles")
    by_number = await planned(school, PAID, watch="payments(person_no=profiles.person_no)")
    assert routes(by_number, "payments") == (Route("person_no", (Hop(profiles, "person_no", "text", "id"),)),)
    everyone = await planned(school, PAID, watch="payments(everyone)")
    assert routes(everyone, "payments") == ()
    assert not everyone.is_looked_after
    audited = await planned(school, PAID, watch=" public.payments ( audit ) ; ")
    assert [each.table.name for each in audited.watched if each.audited] == ["payments"]
    assert audited.is_looked_after

    await school.execute("alter table payments add column whose bigint; create index on payments (whose)")
    by_column = PAID.replace("payments.person_no = profiles.person_no", "payments.whose = profiles.id")
    assert "nothing says which profiles" in await refusal(school, by_column)
    assert routes(await planned(school, by_column, watch="payments(whose)"), "payments") == (Route("whose"),)


async def test_a_foreign_key_needs_no_setting(school: Connection) -> None:
    await school.execute("alter table payments add foreign key (person_no) references profiles (person_no)")
    assert len(routes(await planned(school, PAID), "payments")) == 1


async def test_a_table_without_triggers_that_see_everything_is_left_to_the_audit_or_refused(school: Connection) -> None:
    query = f"{EVERYONE} where profiles.id in (select profile_id from abroad)"
    assert "LISTENER_WATCH=public.abroad(audit)" in await refusal(school, query)
    assert (await planned(school, query, watch="abroad(audit)")).is_looked_after
    await school.execute("create table old_payments () inherits (payments)")
    assert "LISTENER_WATCH=public.payments(audit)" in await refusal(school, PAID)


async def test_a_function_that_may_read_tables_is_named_with_the_setting(school: Connection) -> None:
    query = f"{EVERYONE} where is_paid(profiles.person_no)"
    mend = "alter function public.is_paid(text) set search_path = pg_catalog, public, pg_temp"
    for watch in ({}, {"watch": "is_paid(audit)"}, {"watch": "public.is_paid(audit)"}):
        said = await refusal(school, query, **watch)
        assert 'a name without its schema (relation "payments" does not exist)' in said
        assert said.endswith(f"{mend}.")
    await school.execute(mend)
    said = await refusal(school, query)
    assert "public.is_paid(text) may read tables that are not seen" in said
    assert "LISTENER_WATCH=public.is_paid(audit)" in said
    for name in ("is_paid", "public.is_paid"):
        assert (await planned(school, query, watch=f"{name}(audit)")).is_looked_after
    told = await planned(school, query, watch="payments(person_no=profiles.person_no)")
    assert not told.is_looked_after
    assert len(routes(told, "payments")) == 1
    await school.execute("alter function is_paid immutable")
    assert not (await planned(school, query)).is_looked_after


@pytest.mark.parametrize(
    ("given", "words"),
    {
        "fees(person_no)": "there is no table public.fees",
        "other.payments(person_no)": "there is no table other.payments",
        "payments(nobody)": "public.payments has no column nobody",
        "payments(person_no=people.person_no)": "there is no table public.people",
        "payments(person_no=profiles.number)": "public.profiles has no column number",
        "payments(person_no=profiles)": "there is no table public.",
        "payments": "'payments' is not table(column)",
        "payments(a, b)": "'payments(a, b)' is not table(column)",
    }.items(),
)
async def test_names_that_are_not_there_are_refused(school: Connection, given: str, words: str) -> None:
    said = await refusal(school, PAID, watch=given)
    assert said.startswith("LISTENER_WATCH: ")
    assert words in said


NOT_BY_KEY = {
    "LIMIT": "select id, course_id from (select id, 1::bigint as course_id from profiles limit 10) as first",
    "a window function": """
        select id, 1::bigint from (select id, row_number() over (order by id) as place from profiles) as ranked
        where place <= 10""",
    "an aggregate over everyone": """
        select id, 1::bigint from (select max(id) as id from profiles group by person_no) as newest""",
    "EXISTS or IN below OR": f"""{EVERYONE} where courses.published
        or exists (select from waivers where waivers.profile_id = profiles.id)""",
    "no index begins with profile_id": """
        select profiles.id, waivers.course_id from profiles inner join waivers on waivers.profile_id = profiles.id""",
    "or the query compares something else": "select id + 0, 1::bigint from profiles",
}


@pytest.mark.parametrize("part", NOT_BY_KEY)
async def test_what_keeps_it_from_being_asked_by_key_is_named(school: Connection, part: str) -> None:
    said = await refusal(school, NOT_BY_KEY[part])
    assert said.startswith("LISTENER_WANTED_QUERY cannot be asked about one profile without reading all of public.")
    assert part in said
    assert said.endswith("or set LISTENER_WANTED_PLAN=any.")
    assert (await planned(school, NOT_BY_KEY[part], wanted_plan="any")).wanted_query


async def test_a_step_of_a_route_needs_an_index(school: Connection) -> None:
    query = f"{EVERYONE} inner join organisations on organisations.id = profiles.organisation_id"
    assert (await planned(school, query)).wanted_query
    await school.execute("drop index profiles_organisation_id_idx")
    said = await refusal(school, query)
    assert "without reading all of public.profiles: no index begins with organisation_id" in said
    assert "by which rows of public.organisations lead to profiles" in said
    assert (await planned(school, query, wanted_plan="any")).wanted_query


async def test_what_it_says_to_write_in_place_of_exists_below_or_is_taken(school: Connection) -> None:
    await school.execute("create index on waivers (profile_id)")
    asked = "select true from waivers where waivers.profile_id = profiles.id limit 1"
    for query in (
        f"{EVERYONE} where courses.published or ({asked})",
        f"{EVERYONE} where (select count(*) from waivers where waivers.profile_id = profiles.id) > 1",
        f"{EVERYONE} where courses.published union {EVERYONE} where exists ({asked})",
    ):
        assert (await planned(school, query)).wanted_query


def test_the_command_says_it_in_one_line(
    make_database: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    database = make_database(empty=True)
    database.server.psql(database.name, SCHOOL)
    done = listener(database.url, "install", wanted_query=PAID, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("listener: LISTENER_WANTED_QUERY cannot be watched: ")
    done = listener(database.url, "install", "--watch", "payments(person_no=profiles.person_no)", wanted_query=PAID)
    assert "person_no → public.profiles (person_no → id) → profile" in " ".join(done.stdout.split())
