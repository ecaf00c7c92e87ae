-- Facts about a profile for `listener explain`, by key. With the owner's rights, as the functions that the daemon's
-- role may call anyway: that role learns all keys, who is enrolled where, and since when. The rest of a profile's row
-- is left out, even the columns that the rule for students reads, which may be an address: the role that asks reads the
-- rest with its own rights.
create or replace function listener.profile_is_there(the_profile {{profile_key_type}})
returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off as $$
declare
    found_it boolean;
begin
    {{expect_profiles}}
    found_it := (
        select true
        from {{profile_table}} as profile
        where {{profile_key:profile}} = profile_is_there.the_profile
        limit 1
    );
    {{expect_profiles}}
    return found_it is true;
end;
$$;

-- The newest first. `since` is as in JSON: the LMS may keep a date, or a time with or without a zone.
create or replace function listener.enrollments_of(the_profile {{profile_key_type}})
returns table (course_id text, status text, active boolean, since text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off as $$
begin
    {{expect_enrollments}}
    return query
    select
        {{enrollment_course:enrollment}}::text,
        {{enrollment_status:enrollment}}::text,
        ({{is_active:enrollment}}) is true,
        to_jsonb({{enrollment_date:enrollment}}) #>> '{}'
    from {{enrollment_table}} as enrollment
    where {{enrollment_profile:enrollment}} = enrollments_of.the_profile
    order by {{enrollment_date:enrollment}} desc nulls last, {{enrollment_course:enrollment}};
    {{expect_enrollments}}
end;
$$;
