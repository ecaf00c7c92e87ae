-- The query as written: the courses in which these profiles should be. By key, whatever the statistics of the tables.
create or replace function listener.wanted(among {{profile_key_type}}[])
returns table (profile_id {{profile_key_type}}, course_id {{course_key_type}})
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off as $$
#variable_conflict use_column
begin
    return query
    with as_bound as materialized (
        select
            {{rule_as_bound}} as holds
    )
    select distinct wanted.profile_id::{{profile_key_type}}, wanted.course_id::{{course_key_type}}
    from (
        {{wanted_query_by_function}}
    ) as wanted(profile_id, course_id)
    where
        wanted.profile_id = any (among)
        --: unless only_on_joining
        and wanted.course_id is not null
        --: end
        and (select as_bound.holds from as_bound);
end;
$$;

-- The same, past profiles for whom the query fails: for each such profile the error, and no course. All profiles are
-- asked about together; after a failure in smaller groups, down to single profiles.
create or replace function listener.wanted_past_errors(among {{profile_key_type}}[])
returns table (profile_id {{profile_key_type}}, course_id {{course_key_type}}, error text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    members integer := greatest(cardinality(among) / 32, 1);
    some_ids {{profile_key_type}}[];
begin
    begin
        return query
        select wanted.profile_id, wanted.course_id, null::text
        from listener.wanted(among) as wanted;
        return;
    exception when assert_failure or others then
        if cardinality(among) = 1 then
            profile_id := among[1];
            error := listener.error_text(sqlstate, sqlerrm);
            return next;
            return;
        end if;
    end;
    for place in 1..cardinality(among) by members loop
        some_ids := among[place : place + members - 1];
        return query
        select attempt.profile_id, attempt.course_id, attempt.error
        from listener.wanted_past_errors(some_ids) as attempt;
    end loop;
end;
$$;

-- The same for every profile. Fails if the query fails without any profile, or for each of a hundred random profiles:
-- then nothing is known about any profile.
create or replace function listener.wanted_of_everybody()
returns table (profile_id {{profile_key_type}}, course_id {{course_key_type}}, error text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = on as $$
#variable_conflict use_column
declare
    some_ids {{profile_key_type}}[];
    problem text;
begin
    perform from listener.wanted('{}');
    {{expect_profiles}}
    some_ids := array(
        select {{profile_key:profile}}
        from {{profile_table}} as profile
        order by md5({{profile_key:profile}}::text)
        limit 100
    );
    problem := (
        select min(attempt.error)
        from listener.wanted_past_errors(some_ids) as attempt
        having count(distinct attempt.profile_id) filter (where attempt.error is not null) = 100
    );
    if problem is not null then
        raise data_exception using message = 'the rule fails for everybody: ' || problem;
    end if;
    for some_ids in
        select array_agg(numbered.id)
        from (
            select
                {{profile_key:profile}} as id,
                (row_number() over () - 1) / 1000 as number
            from {{profile_table}} as profile
        ) as numbered
        group by numbered.number
    loop
        return query
        select attempt.profile_id, attempt.course_id, attempt.error
        from listener.wanted_past_errors(some_ids) as attempt;
    end loop;
    {{expect_profiles}}
end;
$$;
