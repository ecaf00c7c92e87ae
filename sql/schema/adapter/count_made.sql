-- Counts the active enrollments, and those of them that the listener made: a brake allows a part of its number. Reads the
-- tables as a whole.
create or replace function listener.count_made() returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = on
set enable_nestloop = off
set enable_hashjoin = on
set enable_mergejoin = on
set enable_material = on
set enable_bitmapscan = on as $$
declare
    made_now bigint := 0;
    all_now bigint := 0;
begin
    {{expect_enrollments}}
    if exists (select from listener.brake where brake.kind = 'joining' and brake.percent is not null) then
        with as_bound as materialized (
            select
                {{rule_as_bound}} as holds
        )
        select count(*)
        from {{enrollment_table}} as enrollment
        where ({{is_active:enrollment}}) is true and (select as_bound.holds from as_bound)
        into all_now;
    end if;
    with as_bound as materialized (
        select
            {{rule_as_bound}} as holds
    )
    select count(*)
    from listener.made_enrollment as made
    inner join {{enrollment_table}} as enrollment
        on
            {{enrollment_profile:enrollment}} = made.profile_id
            and {{enrollment_course:enrollment}} = made.course_id
            and {{row_key:enrollment}} is not distinct from made.row_key
    where
        made.taken_back_at is null
        and ({{is_active:enrollment}}) is true
        and (select as_bound.holds from as_bound)
    into made_now;
    update listener.brake
    set active = case brake.kind when 'leaving' then made_now else all_now end, counted_at = clock_timestamp();
end;
$$;
