"""DDL that is none of the listener's business."""

from collections.abc import Iterator

from listener.sql import identifier
from tests.support.catalogue import LmsTable
from tests.support.ddl.kind import Kind


def unrelated(part: str, table: LmsTable, *, watched: bool, taken_over: bool) -> Iterator[Kind]:
    """DDL that is none of the listener's business, and some that keeps it from its work. (Where triggers of the LMS's
    own are taken over, switching all on makes them enroll again, too.)"""
    on, column = f"alter table {table.quoted}", table.columns[0].quoted
    columns = ", ".join(f"{each.quoted} {each.type}" for each in table.columns)
    yield Kind(
        f"{part}: columns, indexes, constraints and whatever else is added",
        (
            f"{on} add column more text, add column most integer not null default 7",
            f"{on} add column number bigint generated always as identity",
            f"{on} add column sum integer generated always as (1 + 1) stored",
            f"{on} add column virtual_sum integer generated always as (1 + 1) virtual",
            f"{on} add column gone text",
            f"{on} drop column gone",
            f"{on} add column parent uuid",
            "create table parents (id uuid primary key)",
            f"{on} add constraint up foreign key (parent) references parents",
            f"{on} add constraint checked check (true) not valid",
            f"{on} validate constraint checked",
            f"{on} rename constraint checked to checked_now",
            f"{on} drop constraint checked_now",
            f"{on} add constraint more_is_unique unique (more)",
            f"create index first_index on {table.quoted} ({column})",
            "alter index first_index rename to second_index",
            f"cluster {table.quoted} using second_index",
            f"reindex table {table.quoted}",
            "drop index second_index",
            f"{on} replica identity full",
            f"{on} set (fillfactor = 50)",
            f"{on} reset (fillfactor)",
            f"{on} set unlogged",
            f"{on} set logged",
            f"{on} set tablespace pg_default",
            f"create table child () inherits ({table.quoted})",
            f"comment on table {table.quoted} is 'of the LMS'",
            f"create publication published for table {table.quoted} with (publish = 'insert')",
            f"create statistics correlated (dependencies) on more, most from {table.quoted}",
            f"analyze {table.quoted}",
            f"create view seen as select * from {table.quoted}",
            f"create materialized view stored as table {table.quoted}",
            f"lock table {table.quoted} in access exclusive mode",
            f"create table holds_rows (held {table.quoted})",
            "create function passes() returns trigger language plpgsql as 'begin return new; end'",
            f"create trigger passes before insert or update on {table.quoted} for each row execute function passes()",
            f"create rule more as on insert to {table.quoted} do also nothing",
        ),
    )
    yield Kind(f"{part}: of a type", (f"create type more as ({columns})", f"{on} of more", f"{on} not of"))
    if table.foreign_keys:
        yield Kind(
            f"{part}: foreign keys dropped",
            tuple(f"alter table {of} drop constraint {identifier(name)}" for of, name in table.foreign_keys),
        )
    yield Kind(
        f"{part}: rows are refused",
        (
            f"{on} add constraint more check ({column} is null) not valid",
            f"create rule more as on insert to {table.quoted} where false do instead nothing",
            f"revoke update on {table.quoted} from lms_app",
        ),
        "refused",
    )
    yield Kind(
        f"{part}: a trigger refuses",
        (
            "create function more() returns trigger language plpgsql as 'begin raise exception $$no$$; end'",
            f"create trigger more before insert on {table.quoted} for each row execute function more()",
        ),
        "refused",
    )
    off_and_on = (f"{on} disable trigger user", f"{on} enable trigger user")
    yield Kind(f"{part}: triggers off and on", off_and_on, "refused" if taken_over else "served")
    yield Kind(f"{part}: triggers off", (f"{on} disable trigger user",), "told" if watched else "served")
    yield Kind(
        f"{part}: row-level security",
        (f"{on} enable row level security", f"create policy everyone on {table.quoted} using (true)"),
    )
    yield Kind(f"{part}: row-level security that hides all", (f"{on} enable row level security",))
    yield Kind(
        f"{part}: row-level security that blinds the owner",
        (f"{on} enable row level security", f"{on} force row level security"),
        "told",
    )
    yield Kind(f"{part}: truncate", (f"truncate {table.quoted}", f"truncate {table.quoted} cascade"))
