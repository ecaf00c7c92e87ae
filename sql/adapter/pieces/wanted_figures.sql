-- Of each course that the query names: how many it wants there, and how many of these are there, in any status. Reads the
-- tables as a whole.
create or replace function listener.wanted_figures()
returns table (course_id {{course_key_type}}, wanted bigint, enrolled bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = on
set enable_nestloop = on
set enable_hashjoin = on
set enable_mergejoin = on
set enable_material = on as $$
#variable_conflict use_column
begin
    return query
    with wanted as materialized (
        select distinct
            wanted.profile_id::{{profile_key_type}} as profile_id,
            wanted.course_id::{{course_key_type}} as course_id
        from (
            {{wanted_query}}
        ) as wanted(profile_id, course_id)
        where wanted.profile_id is not null and wanted.course_id is not null
    ),

    standing as (
        select
            {{enrollment_profile:enrollment}}::{{profile_key_type}} as profile_id,
            {{enrollment_course:enrollment}}::{{course_key_type}} as course_id
        from {{enrollment_table}} as enrollment
    )

    -- No join: whatever is believed of the tables, no row is compared with each of the other's.
    select pair.course_id, count(*), count(*) filter (where pair.is_there)
    from (
        select
            side.profile_id,
            side.course_id,
            bool_or(side.is_wanted) as is_wanted,
            bool_or(not side.is_wanted) as is_there
        from (
            select wanted.profile_id, wanted.course_id, true as is_wanted from wanted
            union all
            select standing.profile_id, standing.course_id, false from standing
        ) as side
        group by side.profile_id, side.course_id
    ) as pair
    where pair.is_wanted
    group by pair.course_id;
    {{expect_enrollment_columns}}
end;
$$;
