-- Locks courses' rows to move their counts, in key order, as everybody should; passes over those that somebody holds.
create or replace function listener.lock_courses(wanted_ids {{course_key_type}}[])
returns setof {{course_key_type}}
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    return query
    select {{course_key:course}}::{{course_key_type}}
    from {{course_table}} as course
    where {{course_key:course}} = any (wanted_ids)
    order by {{course_key:course}}
    for no key update skip locked;
    {{expect_course_table}}
end;
$$;
