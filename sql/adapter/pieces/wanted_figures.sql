-- Of each course that the query names: how many it wants there, and how many of these are there, in any status. Reads the
-- tables as a whole.
create or replace function listener.wanted_figures()
returns table (course_id {{course_key_type}}, wanted bigint, enrolled bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = on
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
        select distinct
            {{enrollment_profile:enrollment}}::{{profile_key_type}} as profile_id,
            {{enrollment_course:enrollment}}::{{course_key_type}} as course_id
        from {{enrollment_table}} as enrollment
    )

    select wanted.course_id, count(*), count(standing.profile_id)
    from wanted
    left join standing on standing.profile_id = wanted.profile_id and standing.course_id = wanted.course_id
    group by wanted.course_id;
    {{expect_enrollment_columns}}
end;
$$;
