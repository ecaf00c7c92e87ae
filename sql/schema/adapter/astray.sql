-- All profiles astray (with other enrollments than the rule wants), and what to do for each, if the rule fails for no
-- profile. With `past_errors`, past profiles for whom the rule fails: their `should_be` is 'failed', in no course, and
-- nothing else is known. Reads the tables as a whole.
create or replace function listener.astray_at_once(past_errors boolean default false)
returns table (profile_id {{profile_key_type}}, course_id {{course_key_type}}, should_be text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = on
set enable_nestloop = {{nestloop}}
set enable_hashjoin = on
set enable_mergejoin = on
set enable_material = on
set enable_bitmapscan = on as $$
#variable_conflict use_column
begin
    return query
    with as_bound as materialized (
        select
            {{rule_as_bound}} as holds
    ),

    attempt as materialized (
        select of_everybody.profile_id, of_everybody.course_id, of_everybody.error
        from listener.wanted_of_everybody() as of_everybody
        where past_errors
    ),

    failed as materialized (
        select attempt.profile_id
        from attempt
        where attempt.error is not null
    )

    select astray.profile_id, astray.course_id, astray.should_be
    from (
        {{astray_at_once_or_past_errors}}
    ) as astray(profile_id, course_id, should_be)
    where
        (select as_bound.holds from as_bound)
        and astray.profile_id not in (select failed.profile_id from failed)
    union all
    select failed.profile_id, null, 'failed'
    from failed
    where
        past_errors
        --: if one_course_each
        -- A rule about new students alone may fail for other profiles.
        and failed.profile_id not in (
            select {{enrollment_profile:enrollment}}::{{profile_key_type}}
            from {{enrollment_table}} as enrollment
            where {{enrollment_profile:enrollment}} is not null
        )
        --: end
    ;
end;
$$;

-- The same, past profiles for whom the rule fails, if there are any. No profile, where enrolling is not done here, unless
-- `in_any_case`.
create or replace function listener.astray(in_any_case boolean default false)
returns table (profile_id {{profile_key_type}}, course_id {{course_key_type}}, should_be text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
    --: unless enrolls
    if not in_any_case then
        return;
    end if;
    --: end
    begin
        return query
        select astray.profile_id, astray.course_id, astray.should_be
        from listener.astray_at_once() as astray;
        return;
    exception when assert_failure or others then
        -- If the error is about no profile, this fails, too.
        perform from listener.wanted('{}');
    end;
    return query
    select astray.profile_id, astray.course_id, astray.should_be
    from listener.astray_at_once(past_errors => true) as astray;
end;
$$;
