-- Courses that are gone, and whose enrollments or own end were noted blindly, leave a parked delta that no move takes
-- back. The equation of the drift holds for gone courses, too: as there is no row, parked deltas and the feed add up to
-- the remaining enrollments. A missing difference is added, and stays the same in every later snapshot, so that the
-- leader may count meanwhile. Two settlements at once would add the difference twice: the caller holds the lock of the
-- repairs. Where there is any such course, the enrollments and the feed are read as a whole, once.
create or replace function listener.settle_abandoned_counts()
returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = on
set enable_hashjoin = on
set enable_mergejoin = on
set enable_material = on
set enable_nestloop = off as $$
begin
    {{expect_counted_columns}}
    delete from listener.course_count
    where not exists (select from {{course_table}} as course where {{course_key:course}} = course_count.course_id);
    if not exists (
        select from listener.pending_count
        where not exists (
            select from {{course_table}} as course where {{course_key:course}} = pending_count.course_id
        )
    ) then
        return;
    end if;
    with abandoned as materialized (
        select pending_count.course_id
        from listener.pending_count
        where not exists (
            select from {{course_table}} as course where {{course_key:course}} = pending_count.course_id
        )
    ),
    side as (
        select
            {{enrollment_course:enrollment}} as course_id,
            1 as delta
        from {{enrollment_table}} as enrollment
        where ({{is_counted:enrollment}}) is true
        union all
        select count_on_its_way.course_id, -count_on_its_way.delta
        from listener.count_on_its_way
    ),
    missing as (
        select side.course_id, sum(side.delta) as delta
        from side
        where side.course_id in (select abandoned.course_id from abandoned)
        group by side.course_id
        having sum(side.delta) <> 0
    )
    insert into listener.pending_count (course_id, delta, next_attempt_at)
    select missing.course_id, missing.delta, clock_timestamp()
    from missing
    on conflict (course_id) do update
    set delta = pending_count.delta + excluded.delta, next_attempt_at = excluded.next_attempt_at;
    delete from listener.pending_count where pending_count.delta = 0;
end;
$$;
