"""The tables of the school, and what is done to each of them at random."""

import random

TABLES = """
create table profiles (
    id bigint primary key, name text, role text, email text, org_id bigint, parent_id bigint, referred_by bigint,
    family_id bigint, school text, teaches bigint, tags text[], data jsonb
);
create index on profiles (org_id);
create index on profiles (parent_id);
create index on profiles (referred_by);
create index on profiles (family_id);
create index on profiles (school);
create index on profiles (teaches);
create index on profiles (email);
create index on profiles (lower(email));
create index on profiles (coalesce(org_id, 1));
create index on profiles (split_part(email, '@', 2));
create index on profiles (((data ->> 'org')::bigint));
create table organisations (
    id bigint primary key, parent_id bigint, owner_id bigint, plan text, is_default boolean, members bigint[],
        domain text
);
create index on organisations (owner_id);
create index on organisations (parent_id);
create index on organisations (plan);
create index on organisations (domain);
create table payments (
    id bigint primary key, profile_id integer, email varchar(50), amount integer, plan text, paid boolean, at date
);
create index on payments (profile_id);
create index on payments (email);
create index on payments (lower(email));
create table memberships (profile_id bigint, organisation_id bigint, role text);
create index on memberships (profile_id);
create index on memberships (organisation_id);
create table subscriptions (id bigint primary key, profile_id bigint, active boolean);
create index on subscriptions (profile_id);
create table bans (profile_id bigint, course_id bigint);
create index on bans (profile_id);
create table passes (profile_id bigint not null, course_id bigint not null);
create index on passes (profile_id);
create table categories (id bigint primary key, open boolean);
create table courses (id bigint primary key, org_id bigint, plan text, published boolean, category_id bigint, title
    text);
create index on courses (org_id);
create index on courses (plan);
create table enrollments (
    id bigint primary key generated always as identity,
    profile_id bigint not null references profiles on update cascade on delete cascade,
    course_id bigint not null references courses on update cascade on delete cascade,
    status text not null default 'active' check (status in ('active', 'inactive')),
    unique (profile_id, course_id)
);
create index on enrollments (course_id);
create view paying as select profile_id as person, plan from payments where paid;
create view paying_orgs as
select organisations.id, paying.plan from organisations inner join paying on paying.person = organisations.owner_id;
create function is_member(person bigint) returns boolean language sql stable set search_path = pg_catalog, public,
    pg_temp
as $$ select exists (select from memberships where memberships.profile_id = person) $$;
create function orgs_of(person bigint) returns setof bigint language sql stable
as $$ select m.organisation_id from public.memberships m where m.profile_id = $1 $$;
create function norm(given text) returns text language sql immutable
as $$ select pg_catalog.lower(pg_catalog.btrim(given)) $$;
create index on profiles (norm(email));
create index on payments (norm(email));
create function has_paid(person bigint, at_least integer default 1) returns boolean language sql stable
as $$ select exists (select from public.payments y where y.profile_id = person and y.amount >= at_least) $$;
create function pays_once(anyelement) returns boolean language sql stable
as $$ select exists (select from public.payments y where y.profile_id::text = $1::text) $$;
create operator ===> (leftarg = bigint, rightarg = integer, function = has_paid);
create function or_pays(boolean, bigint) returns boolean language sql stable
as $$ select coalesce($1, false) or exists (select from public.payments y where y.profile_id = $2) $$;
create aggregate any_pays(bigint) (sfunc = or_pays, stype = boolean);
create function promises(person bigint) returns boolean language plpgsql immutable as $$
begin return exists (select from public."payments" y where y.profile_id = person); end $$;
create function promises_by_another(person bigint) returns boolean language plpgsql immutable as $$
begin return public.promises(person); end $$;
create function promises_of_any_type(anyelement) returns boolean language sql immutable
as $$ select exists (select from public.payments y where y.profile_id::text = $1::text) $$;
create function promises_and_reads(person bigint) returns boolean language sql immutable
as $$ select exists (select from public.payments y where y.profile_id = person) $$;
create function payers() returns setof bigint language sql immutable
as $$ select y.profile_id::bigint from public.payments y where y.paid $$;
create function executes(person bigint) returns boolean language plpgsql immutable as $$
declare found boolean;
begin
    execute 'select exists (select from public.pay' || 'ments where profile_id = $1)' into found using person;
    return found;
end $$;
create function reads_nothing(given text) returns text language plpgsql immutable as $$
declare short text := substring(given from 1 for 3);
begin return lower(trim(both from short)); end $$;
create unlogged table seen (profile_id bigint);
create index on seen (profile_id);
create type address as (org bigint, floor integer);
alter table profiles add column address address;
create table people (id bigint primary key);
create table heirs (primary key (id)) inherits (people);
"""

ROWS = """
insert into courses (id, org_id, plan, published, category_id)
select number, nullif(number, 4), case when number % 2 = 0 then 'gold' else 'free' end, true, 1 + number % 2
from generate_series(1, 4) as number;
insert into categories (id, open) values (1, true), (2, false);
insert into organisations (id, parent_id, owner_id, plan, is_default, members, domain)
select
    number, nullif(number - 1, 0), number, case when number % 2 = 0 then 'gold' else 'free' end, number = 1,
    array[number, number + 1], case when number = 1 then 'a.org' else 'b.org' end
from generate_series(1, 3) as number;
insert into profiles (id, role, email, org_id, parent_id, referred_by, family_id, school, teaches, tags, data)
select
    number, case when number = 1 then 'teacher' else 'student' end, 'P' || number || '@a.org', nullif(number % 4, 0),
    nullif(number - 1, 0), nullif(number / 2, 0), number / 2, case when number % 2 = 0 then 'north' else 'south' end,
    case when number = 1 then 1 end, array['gold', 'x'], jsonb_build_object('org', number % 3 + 1)
from generate_series(1, 6) as number;
insert into payments (id, profile_id, email, amount, plan, paid, at)
select
    number, number, 'p' || number || '@a.org', number, case when number % 2 = 0 then 'gold' else 'free' end, true,
        '2030-01-01'
from generate_series(1, 4) as number;
insert into memberships (profile_id, organisation_id, role)
select number, 1 + number % 3, case when number % 2 = 0 then 'admin' else 'member' end from generate_series(1, 6) as
    number;
insert into subscriptions (id, profile_id, active) select number, number, true from generate_series(1, 3) as number;
insert into bans (profile_id, course_id) values (2, 1), (null, 2);
insert into passes (profile_id, course_id) values (1, 1), (2, 2), (3, 3);
"""

SETTINGS = {
    "profile_table": "profiles",
    "enrollment_table": "enrollments",
    "enrollment_profile": "profile_id",
    "enrollment_course": "course_id",
    "course_table": "courses",
    "on_leave": "remove",
    "brake": "none",
    "active_values": "active",
    "count_columns": "none",
}

PEOPLE, ORGANISATIONS, COURSES = 7, 4, 4

COLUMNS = {
    "profiles": {
        "id": "person!",
        "name": "word",
        "role": "role",
        "email": "email",
        "org_id": "org",
        "parent_id": "person",
        "referred_by": "person",
        "family_id": "org",
        "school": "school",
        "teaches": "course",
        "tags": "words",
        "data": "json",
    },
    "organisations": {
        "id": "org!",
        "parent_id": "org",
        "owner_id": "person",
        "plan": "plan",
        "is_default": "boolean",
        "members": "people",
        "domain": "domain",
    },
    "payments": {
        "id": "person!",
        "profile_id": "person",
        "email": "email",
        "amount": "person",
        "plan": "plan",
        "paid": "boolean",
        "at": "date",
    },
    "memberships": {"profile_id": "person", "organisation_id": "org", "role": "role"},
    "subscriptions": {"id": "person!", "profile_id": "person", "active": "boolean"},
    "bans": {"profile_id": "person", "course_id": "course"},
    "passes": {"profile_id": "person+", "course_id": "course+"},
    "categories": {"id": "org!", "open": "boolean"},
    "courses": {
        "id": "course!",
        "org_id": "org",
        "plan": "plan",
        "published": "boolean",
        "category_id": "org",
        "title": "word",
    },
}
"""Of each table the columns, and what is written into them; `!` is a key, `+` is never null."""


class Dice:
    """What is done to the tables; the same seed does the same."""

    def __init__(self, seed: str) -> None:
        self._dice = random.Random(seed)

    def value(self, kind: str) -> str:
        """An SQL literal."""
        dice, plain = self._dice, kind.rstrip("!+")
        if plain == kind and dice.random() < 0.15:
            return "null"
        words = {
            "role": ("student", "teacher", "admin", "member"),
            "school": ("north", "south"),
            "plan": ("gold", "free"),
            "word": ("x", "y"),
            "domain": ("a.org", "b.org"),
            "date": ("2030-01-01", "2030-01-02"),
        }
        if plain in words:
            return f"'{dice.choice(words[plain])}'"
        if plain == "email":
            return f"'{dice.choice('pP')}{dice.randint(1, PEOPLE)}@{dice.choice(['a.org', 'b.org'])}'"
        if plain == "boolean":
            return dice.choice(("true", "true", "false"))
        if plain == "words":
            chosen = dice.sample(("gold", "free", "x"), dice.randint(1, 3))
            return "'{" + ",".join(chosen) + "}'::text[]"
        if plain == "people":
            return f"array[{', '.join(str(dice.randint(1, PEOPLE)) for _ in range(dice.randint(1, 3)))}]::bigint[]"
        if plain == "json":
            return f"jsonb_build_object('org', {dice.randint(1, ORGANISATIONS)})"
        return str(dice.randint(1, {"person": PEOPLE, "org": ORGANISATIONS, "course": COURSES}[plain]))

    def some(self, table: str) -> str:
        """A condition for a few of the rows."""
        if self._dice.random() < 0.1:
            return "true"
        column, kind = self._dice.choice(
            [each for each in COLUMNS[table].items() if each[1] not in ("json", "words", "people")]
        )
        value = self.value(kind)
        return f"{column} is null" if value == "null" else f"{column} = {value}"

    def statement(self, tables: list[str]) -> str:
        """One statement on one of these tables."""
        table = self._dice.choice(tables)
        columns = COLUMNS[table]
        (doing,) = self._dice.choices(["insert", "update", "delete", "truncate"], [40, 45, 14, 1])
        if doing == "insert":
            rows = (
                f"({', '.join(self.value(kind) for kind in columns.values())})"
                for _ in range(self._dice.choice([1, 1, 2, 4]))
            )
            return f"insert into {table} ({', '.join(columns)}) values {', '.join(rows)} on conflict do nothing"
        if doing == "update":
            column = self._dice.choice(list(columns))
            if columns[column].endswith("!"):
                return self.moved(table, column, columns[column])
            return f"update {table} set {column} = {self.value(columns[column])} where {self.some(table)}"
        return f"delete from {table} where {self.some(table)}" if doing == "delete" else f"truncate {table} cascade"

    def moved(self, table: str, column: str, kind: str) -> str:
        """A row gets another key, if that is free."""
        before, after = self.value(kind), self.value(kind)
        free = f"not exists (select from {table} where {column} = {after})"
        return f"update {table} set {column} = {after} where {column} = {before} and {free}"

    def transaction(self, tables: list[str]) -> list[str]:
        return [self.statement(tables) for _ in range(self._dice.choice([1, 1, 1, 2, 3]))]

    def chance(self, of: float) -> bool:
        return self._dice.random() < of
