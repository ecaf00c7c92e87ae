-- Locks a course's row as a foreign key to it would, but without waiting for whoever holds it. Null if it is not free.
create or replace function listener.hold_course(wanted_id {{course_key_type}})
returns {{course_key_type}}
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    held_id {{course_key_type}};
begin
    if wanted_id is null then
        return null;
    end if;
    select {{course_key:course}}
    into held_id
    from {{course_table}} as course
    where {{course_key:course}} = wanted_id
    for key share skip locked;
    return held_id;
end;
$$;

