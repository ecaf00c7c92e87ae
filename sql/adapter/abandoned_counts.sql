-- Where a course went and its note was taken blindly, what was kept for it stays behind: its count goes, and its parked
-- delta becomes what keeps the sum right for as long as there is no row. Reads the enrollments as a whole.
create or replace function listener.settle_abandoned_counts()
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform listener.expect('{{enrollment_name}}', '{{enrollment_oid}}');
    perform listener.expect('{{course_name}}', '{{course_oid}}');
    delete from listener.course_count
    where not exists (select from {{course_table}} as course where {{course_key:course}} = course_count.course_id);
    with abandoned as (
        select
            pending_count.course_id,
            (
                select count(*)
                from {{enrollment_table}} as enrollment
                where {{enrollment_course:enrollment}} = pending_count.course_id and ({{is_counted:enrollment}}) is true
            ) - coalesce(
                (
                    select sum(unhandled.delta)
                    from listener.unhandled('count') as unhandled
                    where unhandled.course_id = pending_count.course_id
                ),
                0
            ) as delta
        from listener.pending_count
        where not exists (
            select from {{course_table}} as course where {{course_key:course}} = pending_count.course_id
        )
    )
    update listener.pending_count
    set delta = abandoned.delta, next_attempt_at = clock_timestamp()
    from abandoned
    where pending_count.course_id = abandoned.course_id;
end;
$$;
