"""An LMS that refuses enrollments."""

REFUSE = """
create function refuse() returns trigger language plpgsql as $$
begin
    if {condition} then
        raise exception '{error}' using errcode = '{code}';
    end if;
    return new;
end $$;
create trigger refuse before insert on enrollments for each row execute function refuse();
"""

UNPAID = "(select full_name from profiles where id = new.user_id) = 'unpaid'"
"""A student of this name is refused, until the name is another."""


def refuse(condition: str = "true", error: str = "the fee is not paid", code: str = "P0001") -> str:
    """SQL that makes a trigger `refuse`, of the LMS's own, which refuses each new row that the condition holds for."""
    return REFUSE.format(condition=condition, error=error, code=code)
