"""Which ways lead from a changed row to profiles, by what refers to what."""

from typing import Any, cast

from listener.catalogue.catalogue import Catalogue, Column, ForeignKey, Relation
from listener.mapping.mapping import Hop, Route, Table
from listener.rules.routing import Equals, References, Routing

PROFILES, COURSES, ENROLLMENTS = Table("public", "profiles"), Table("public", "courses"), Table("public", "enrollments")

Keys = dict[str, str]
"""Of each column, what it refers to: `table.column`, or nothing. Of several that belong together: `a, b`."""


def references(tables: dict[str, Keys]) -> References:
    """What refers to what in a school with these tables."""
    school: dict[str, Keys] = {
        "profiles": {"id": ""},
        "courses": {"id": ""},
        "enrollments": {"profile_id": "profiles.id", "course_id": "courses.id"},
    }
    for name, keys in tables.items():
        school[name] = school.get(name, {}) | keys
    relations = [relation(name, keys) for name, keys in school.items()]
    catalogue = Catalogue(cast("Any", None), {each.table: each for each in relations})
    return References.of(catalogue, [], (PROFILES, "id"), (COURSES, "id"))


def relation(name: str, keys: Keys) -> Relation:
    """A table with these columns."""
    columns = [column.strip() for key in keys for column in key.split(",")]
    foreign = []
    for key, target in keys.items():
        if target:
            table, _, names = target.partition(".")
            own, other = (tuple(each.strip() for each in text.split(",")) for text in (key, names))
            foreign.append(ForeignKey(f"{name}_{key}", own, Table("public", table), other, "a", "a", validated=True))
    return Relation(
        table=Table("public", name),
        kind="r",
        rows=0,
        columns={
            each: Column(each, "bigint", "N", True, None, False, False, (), ()) for each in dict.fromkeys(columns)
        },
        primary_key=("id",),
        unique=(),
        indexes=(),
        foreign_keys=tuple(foreign),
    )


def routing(tables: dict[str, Keys], **reads: str) -> Routing:
    """Routing for a query that reads these columns, and keys of profiles and courses."""
    read = {"profiles": "id", "courses": "id"} | reads
    return Routing(
        references(tables), {Table("public", name): frozenset(names.split()) for name, names in read.items()}
    )


def ways(found: tuple[Route, ...]) -> list[str]:
    """As people read them."""
    return [
        " > ".join([route.column, *(f"{hop.table.name}({hop.key}, {hop.onward})" for hop in route.hops)])
        for route in found
    ]


def test_a_profile_is_its_own() -> None:
    assert routing({}).routes(PROFILES) == (Route("id"),)


def test_a_course_leads_to_nobody_and_concerns_everyone() -> None:
    found = routing({})
    assert found.routes(COURSES) == ()
    assert found.concerns_everyone(COURSES)


def test_a_column_that_refers_to_profiles_leads_there() -> None:
    found = routing({"payments": {"profile_id": "profiles.id"}}, payments="profile_id paid")
    assert found.routes(Table("public", "payments")) == (Route("profile_id"),)


def test_two_columns_that_refer_to_profiles_both_do_and_a_profile_is_concerned_by_the_other() -> None:
    tables = {"parents": {"child": "profiles.id", "parent": "profiles.id"}}
    found = routing(tables, parents="child parent")
    assert ways(found.routes(Table("public", "parents"))) == ["child", "parent"]
    assert ways(found.routes(PROFILES)) == ["id", "id > parents(child, parent)", "id > parents(parent, child)"]


def test_a_profile_that_refers_to_another_concerns_it() -> None:
    found = routing({"profiles": {"mentor": "profiles.id"}}, profiles="id mentor")
    assert ways(found.routes(PROFILES)) == ["id", "id > profiles(mentor, id)"]


def test_what_profiles_refer_to_leads_down_to_them() -> None:
    tables = {"organisations": {"id": ""}, "profiles": {"organisation_id": "organisations.id"}}
    found = routing(tables, organisations="id plan", profiles="id organisation_id")
    organisations = Table("public", "organisations")
    assert found.routes(organisations) == (Route("id", (Hop(PROFILES, "organisation_id", "bigint", "id"),)),)


def test_what_is_read_alone_counts() -> None:
    tables = {"organisations": {"id": ""}, "profiles": {"organisation_id": "organisations.id"}}
    found = routing(tables, organisations="plan")
    assert found.routes(Table("public", "organisations")) == ()
    assert not found.concerns_everyone(Table("public", "organisations"))


def test_what_refers_to_the_same_as_profiles_do_leads_sideways() -> None:
    tables = {
        "organisations": {"id": ""},
        "profiles": {"organisation_id": "organisations.id"},
        "licences": {"organisation_id": "organisations.id"},
    }
    found = routing(tables, licences="organisation_id", profiles="id organisation_id")
    assert ways(found.routes(Table("public", "licences"))) == ["organisation_id > profiles(organisation_id, id)"]


def test_two_steps_lead_by_way_of_a_table_between() -> None:
    tables = {
        "groups": {"id": ""},
        "memberships": {"profile_id": "profiles.id", "group_id": "groups.id"},
        "invoices": {"group_id": "groups.id"},
        "lines": {"invoice_id": "invoices.id"},
    }
    reads = {"memberships": "profile_id group_id", "groups": "id", "invoices": "id group_id", "lines": "invoice_id"}
    tables["invoices"]["id"] = ""
    found = routing(tables, **reads)
    assert ways(found.routes(Table("public", "groups"))) == ["id > memberships(group_id, profile_id)"]
    assert ways(found.routes(Table("public", "invoices"))) == ["group_id > memberships(group_id, profile_id)"]
    assert ways(found.routes(Table("public", "lines"))) == [
        "invoice_id > invoices(id, group_id) > memberships(group_id, profile_id)"
    ]


def test_three_steps_are_not_taken() -> None:
    tables = {
        "countries": {"id": ""},
        "regions": {"id": "", "country_id": "countries.id"},
        "schools": {"id": "", "region_id": "regions.id"},
        "profiles": {"school_id": "schools.id"},
    }
    found = routing(tables, countries="id", regions="id country_id", schools="id region_id", profiles="id school_id")
    assert len(found.routes(Table("public", "regions"))) == 1
    assert found.routes(Table("public", "countries")) == ()


def test_of_a_key_of_two_columns_the_one_that_tells_rows_apart_leads_on() -> None:
    """(tenant_id, id): everybody of the tenant would be too many."""
    tables = {
        "profiles": {"tenant_id": ""},
        "payments": {"tenant_id, payer": "profiles.tenant_id, id"},
    }
    found = routing(tables, profiles="id tenant_id", payments="tenant_id payer")
    assert ways(found.routes(Table("public", "payments"))) == ["payer"]


def test_enrollments_lead_to_profiles_by_their_profile() -> None:
    assert ways(routing({}, enrollments="profile_id course_id").routes(ENROLLMENTS)) == ["profile_id"]


def test_what_hangs_together_with_courses_alone_concerns_everyone() -> None:
    tables = {
        "categories": {"id": ""},
        "courses": {"category_id": "categories.id"},
        "dates": {"course_id": "courses.id"},
    }
    found = routing(tables, courses="id category_id", categories="id open", dates="course_id")
    for name in ("categories", "dates"):
        table = Table("public", name)
        assert found.routes(table) == (), name
        assert found.concerns_everyone(table), name


def test_what_hangs_together_with_nothing_leads_nowhere() -> None:
    found = routing({"holidays": {"day": ""}}, holidays="day")
    holidays = Table("public", "holidays")
    assert found.routes(holidays) == ()
    assert not found.concerns_everyone(holidays)


def test_columns_that_refer_to_one_another_hold_the_same_keys_whichever_way() -> None:
    table = Table("public", "t")
    pairs = [((table, "a"), (table, "b")), ((table, "c"), (table, "b")), ((table, "d"), (table, "e"))]
    equals = Equals(pairs)
    assert len({equals.of((table, name)) for name in "abc"}) == 1
    assert equals.of((table, "d")) == equals.of((table, "e")) != equals.of((table, "a"))
    assert equals.of((table, "f")) == (table, "f")
