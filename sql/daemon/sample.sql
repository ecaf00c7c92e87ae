-- Figures for metrics and status, read often: each is cheap however much there is. A backlog is counted up to
-- a limit; beyond it, it is estimated from what the feed has handed out since.
with consumer as (
    select
        name,
        (
            select count(*)
            from (select from listener.unhandled(name, $2) limit $2) as counted
        ) as backlog,
        (
            select min(oldest.at)
            from (select at from listener.unhandled(name, 1)) as oldest
        ) as oldest_at
    from unnest($1::text[]) as name
)

select
    (select max(backlog) from consumer) as backlog,
    (select extract(epoch from min(oldest_at))::float8 from consumer) as oldest_unhandled,
    (
        select coalesce(json_object_agg(reason, students), '{}')
        from (
            select reason, count(*) as students
            from listener.pending_enrollment
            group by reason
        ) as pending
    ) as pending,
    (
        select
            case
                when exists (select from listener.pending_enrollment where next_attempt_at = 'infinity')
                    and exists (select from listener.default_course)
                    then 0
                else extract(epoch from min(next_attempt_at) - clock_timestamp())::float8
            end
        from listener.pending_enrollment
        where next_attempt_at < 'infinity'
    ) as next_student_in,
    (
        select extract(epoch from min(next_attempt_at) - clock_timestamp())::float8
        from listener.pending_count
    ) as next_count_in,
    (select count(*) from listener.pending_count) as parked,
    extract(epoch from clock_timestamp())::float8 as sampled_at
