-- For each course in the query: how many students the query wants there, and how many of these are there, in any
-- status. Reads the tables as a whole.
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
    -- Both queries end in groups, which are complete before the first group is returned.
    begin
        return query
        with as_bound as materialized (
            select
                {{rule_as_bound}} as holds
        )
        select figures.course_id, figures.wanted, figures.enrolled
        from (
            {{figures}}
        ) as figures(course_id, wanted, enrolled)
        where (select as_bound.holds from as_bound);
        return;
    exception when assert_failure or others then
        -- If the error is about no profile, this fails, too.
        perform from listener.wanted('{}');
    end;
    return query
    with as_bound as materialized (
        select
            {{rule_as_bound}} as holds
    )
    select figures.course_id, figures.wanted, figures.enrolled
    from (
        {{figures_past_errors}}
    ) as figures(course_id, wanted, enrolled)
    where (select as_bound.holds from as_bound);
end;
$$;
