-- The ledger forgets the enrollments that are gone, of these profiles, or courses, or of all (null): who gets the same key later
-- is another person, and another course. (A row still there, for want of a foreign key, is still to be taken back; unless
-- `even_if_there`.) Rows that the daemon holds at this moment are passed over, without a wait. By key, so planned each time.
create or replace function listener.forget_made(
    of_profiles {{profile_key_type}}[], of_courses {{course_key_type}}[] default null, even_if_there boolean default false
)
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_custom_plan as $$
begin
    {{expect_enrollments}}
    with gone as (
        select made.ctid
        from listener.made_enrollment as made
        where
            (of_profiles is null or made.profile_id = any (of_profiles))
            and (of_courses is null or made.course_id = any (of_courses))
            and (
                even_if_there
                or not exists (
                    select from {{enrollment_table}} as enrollment
                    where
                        {{enrollment_profile:enrollment}} = made.profile_id
                        and {{enrollment_course:enrollment}} = made.course_id
                )
            )
        for update skip locked
    )
    delete from listener.made_enrollment where ctid = any (array(select gone.ctid from gone));
end;
$$;
