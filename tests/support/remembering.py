"""A school that keeps a history, and a trigger of its own that writes down what happens, for comparison."""

from typing import Any

from listener.database.connection import Connection
from tests.support import brake

WRITE_DOWN = """
create table seen (
    number bigint generated always as identity, profile_id bigint, course_id bigint, what text, row_key text, cause text
);
create function see() returns trigger language plpgsql security definer set search_path = public as $$
begin
    insert into seen (profile_id, course_id, what, row_key, cause)
    values (
        coalesce(new.profile_id, old.profile_id),
        coalesce(new.course_id, old.course_id),
        case tg_op when 'INSERT' then 'in' when 'DELETE' then 'out' else new.status end,
        coalesce(new.id, old.id),
        current_setting('listener.cause', true)
    );
    return null;
end $$;
create trigger see after insert or update or delete on enrollments for each row execute function see();
"""
SEEN = "select profile_id, course_id, what, row_key, cause from seen where cause <> '' order by number"
WRITTEN = """
select
    profile_id,
    course_id,
    case
        when done = 'removed' then 'out'
        when done in ('enrolled', 'returned') and was is null then 'in'
        else status
    end as what,
    row_key,
    cause
from listener.history
order by id
"""

ROWS = "select * from enrollments order by id"
LEDGER = """
select profile_id, course_id, row_key from listener.made_enrollment where taken_back_at is null order by 1, 2
"""
COUNTS_ARE_RIGHT = """
select not exists (
    select
    from courses
    where enrollments <> (
        select count(*) from enrollments where enrollments.course_id = courses.id and enrollments.status = 'active'
    )
)
"""


async def school(url: str, paid: int, on_leave: str = "remove", **settings: str) -> Connection:
    """A connection to a new school in which so many have paid for course 1, and are in it."""
    return await brake.school(url, paid, on_leave, **{"history_days": "30", "brake": "none"} | settings)


async def table(app: Connection, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await app.fetch(query)]
