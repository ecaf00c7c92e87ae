-- Where a course went and its note was taken blindly, what was kept for it stays behind: its count goes, and its parked
-- delta becomes what keeps the sum right for as long as there is no row. Where there is any, the enrollments and the feed
-- are read as a whole, once.
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
        select unhandled.course_id, -unhandled.delta
        from listener.unhandled('count') as unhandled
        where unhandled.delta is not null
        union all
        select abandoned.course_id, 0
        from abandoned
    ),
    settled as (
        select side.course_id, sum(side.delta) as delta
        from side
        where side.course_id in (select abandoned.course_id from abandoned)
        group by side.course_id
    )
    update listener.pending_count
    set delta = settled.delta, next_attempt_at = clock_timestamp()
    from settled
    where pending_count.course_id = settled.course_id;
end;
$$;
