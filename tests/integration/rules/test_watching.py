"""What keeps a query from being watched, or from being asked about one profile alone, is named, and what mends that."""

from collections.abc import Callable

import pytest

from listener.database.connection import Connection
from listener.mapping.mapping import Mapping
from listener.schema.watching import name_of
from tests.conftest import Database
from tests.support.process import listener
from tests.support.wanted.queries import EVERYONE, PAID, SCHOOL, planned, refusal


@pytest.fixture
async def school(empty_database: Connection) -> Connection:
    await empty_database.execute(SCHOOL)
    return empty_database


def routes(mapping: Mapping, table: str) -> list[str]:
    """How a changed row of a table leads to profiles."""
    watched = next(each for each in mapping.watched if each.table.name == table)
    return [name_of(watched, each).removeprefix(f"public.{table} ") for each in watched.routes]


NOWHERE = f"{EVERYONE} where exists (select from payments where payments.paid)"


async def test_a_table_that_leads_nowhere_is_named_with_the_setting_and_each_form_of_it_mends_that(
    school: Connection,
) -> None:
    assert await refusal(school, NOWHERE) == (
        "LISTENER_WANTED_QUERY cannot be watched: nothing says which profiles a row of public.payments is about: no "
        "equality (=) in it leads from there to a profile. Set LISTENER_WATCH=public.payments(COLUMN), the column that "
        "holds a profile's key; public.payments(everyone); or public.payments(audit)."
    )
    any_plan = {"wanted_plan": "any"}
    by_number = await planned(school, NOWHERE, watch="payments(person_no=profiles.person_no)", **any_plan)
    assert routes(by_number, "payments") == ["(person_no) > public.profiles (person_no, id)"]
    everyone = await planned(school, NOWHERE, watch="payments(everyone)")
    assert routes(everyone, "payments") == []
    assert not everyone.is_looked_after
    audited = await planned(school, NOWHERE, watch=" public.payments ( audit ) ; ")
    assert [each.table.name for each in audited.watched if each.audited] == ["payments"]
    assert audited.is_looked_after
    await school.execute("alter table payments add column whose bigint; create index on payments (whose)")
    assert routes(await planned(school, NOWHERE, watch="payments(whose)", **any_plan), "payments") == ["(whose)"]
    both = await planned(school, NOWHERE, watch="payments(whose); payments(person_no=profiles.person_no)", **any_plan)
    assert routes(both, "payments") == ["(whose)", "(person_no) > public.profiles (person_no, id)"]


async def test_what_the_query_says_needs_neither_foreign_key_nor_setting(school: Connection) -> None:
    assert routes(await planned(school, PAID), "payments") == ["(person_no) > public.profiles (person_no, id)"]
    await school.execute("alter table payments add column whose bigint; create index on payments (whose)")
    by_column = PAID.replace("payments.person_no = profiles.person_no", "payments.whose = profiles.id")
    assert routes(await planned(school, by_column), "payments") == ["(whose)"]


async def test_a_setting_leads_on_by_the_routes_of_the_table_that_it_names(school: Connection) -> None:
    """Nothing in the query leads from a holiday to anybody; the setting says that it is an organisation's."""
    await school.execute("alter table holidays add column plan text")
    query = f"""{EVERYONE} inner join organisations on organisations.id = profiles.organisation_id
        where exists (select from holidays where holidays.day > '2030-01-01')"""
    said = await refusal(school, query, watch="holidays(plan=organisations.plan)")
    assert "reading all of public.organisations: no index begins with plan" in said
    await school.execute("create index on organisations (plan)")
    planned_any = await planned(school, query, watch="holidays(plan=organisations.plan)", wanted_plan="any")
    assert routes(planned_any, "holidays") == [
        "(plan) > public.organisations (plan, id) > public.profiles (organisation_id, id)"
    ]
    said = await refusal(school, query, watch="holidays(day=waivers.course_id)")
    assert "waivers.course_id leads to no profile, by itself or by the query" in said


async def test_a_table_without_triggers_that_see_everything_is_left_to_the_audit_or_refused(school: Connection) -> None:
    query = f"{EVERYONE} where profiles.id in (select profile_id from abroad)"
    assert "LISTENER_WATCH=public.abroad(audit)" in await refusal(school, query)
    assert (await planned(school, query, watch="abroad(audit)")).is_looked_after
    await school.execute("create table old_payments () inherits (payments)")
    assert "LISTENER_WATCH=public.payments(audit)" in await refusal(school, PAID)


async def test_a_function_in_sql_is_read(school: Connection) -> None:
    query = f"{EVERYONE} where is_paid(profiles.person_no)"
    mend = "alter function public.is_paid(text) set search_path = pg_catalog, public, pg_temp"
    for watch in ({}, {"watch": "is_paid(audit)"}, {"watch": "public.is_paid(audit)"}):
        said = await refusal(school, query, **watch)
        assert 'a name without its schema (relation "payments" does not exist)' in said
        assert said.endswith(f"{mend}.")
    await school.execute(mend)
    read = await planned(school, query)
    assert routes(read, "payments") == ["(person_no) > public.profiles (person_no, id)"]
    assert not read.is_looked_after
    for name in ("is_paid", "public.is_paid"):
        assert (await planned(school, query, watch=f"{name}(audit)")).is_looked_after


async def test_a_function_that_may_read_tables_is_named_with_the_setting(school: Connection) -> None:
    await school.execute(
        "create function pays(person text) returns boolean language plpgsql stable as"
        " $$ begin return exists (select from public.payments where payments.person_no = person); end $$"
    )
    query = f"{EVERYONE} where pays(profiles.person_no)"
    said = await refusal(school, query)
    assert "public.pays(text) may read tables that are not seen" in said
    assert "LISTENER_WATCH=public.pays(audit)" in said
    for name in ("pays", "public.pays"):
        assert (await planned(school, query, watch=f"{name}(audit)")).is_looked_after
    told = await planned(school, query, watch="payments(person_no=profiles.person_no)")
    assert not told.is_looked_after
    assert len(routes(told, "payments")) == 1
    await school.execute("alter function pays immutable")  # which is a promise, and not kept
    assert await refusal(school, query) == said


async def test_a_function_that_tells_the_time_is_looked_after_also_where_its_tables_are_named(
    school: Connection,
) -> None:
    for language, body in (
        ("sql", "select now() > max(day) from public.holidays"),
        ("plpgsql", "begin return (select current_date > max(day) from public.holidays); end"),
    ):
        await school.execute(
            f"create or replace function is_over(person bigint) returns boolean language {language} stable"
            f" as $$ {body} $$"
        )
        watch = "holidays(everyone)"
        assert (await planned(school, f"{EVERYONE} where is_over(profiles.id)", watch=watch)).depends_on_time, language


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
    said = await refusal(school, NOWHERE, watch=given)
    assert said.startswith("LISTENER_WATCH: ")
    assert words in said


NOT_BY_KEY = {
    "EXISTS or IN that is no condition by itself (below OR, say)": f"""{EVERYONE} where courses.published
        or exists (select from waivers where waivers.profile_id = profiles.id)""",
    "no index begins with profile_id": """
        select profiles.id, waivers.course_id from profiles inner join waivers on waivers.profile_id = profiles.id""",
    "no index begins with (id + 0)": "select id + 0, 1::bigint from profiles",
}


@pytest.mark.parametrize("part", NOT_BY_KEY)
async def test_what_keeps_it_from_being_asked_by_key_is_named(school: Connection, part: str) -> None:
    said = await refusal(school, NOT_BY_KEY[part])
    assert said.startswith("LISTENER_WANTED_QUERY cannot be asked about one profile without reading all of public.")
    assert part in said
    assert said.endswith("or set LISTENER_WANTED_PLAN=any.")
    assert (await planned(school, NOT_BY_KEY[part], wanted_plan="any")).wanted_query


HIDDEN = {
    "LIMIT": "select id, course_id from (select id, 1::bigint as course_id from profiles limit 10) as first",
    "a window function": """
        select id, 1::bigint from (select id, row_number() over (order by id) as place from profiles) as ranked
        where place <= 10""",
    "an aggregate": """
        select id, 1::bigint from (select max(id) as id from profiles group by person_no) as newest""",
}


@pytest.mark.parametrize("part", HIDDEN)
async def test_what_hides_which_profiles_a_row_is_about_is_named(school: Connection, part: str) -> None:
    said = await refusal(school, HIDDEN[part])
    assert "which profiles a row of public.profiles is about: the profile's key" in said
    assert part in said
    assert (await planned(school, HIDDEN[part], watch="profiles(everyone)")).wanted_query


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
    done = listener(database.url, "install", wanted_query=NOWHERE, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("listener: LISTENER_WANTED_QUERY cannot be watched: ")
    done = listener(database.url, "install", wanted_query=PAID)
    assert "person_no → public.profiles (person_no → id) → profile" in " ".join(done.stdout.split())
