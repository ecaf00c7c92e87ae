-- One more than were tried: if there is any other, one is among them.
soonest as materialized (
    select pending.{{key}}, pending.next_attempt_at
    from {{pending}} as pending
    where pending.next_attempt_at < 'infinity'
    order by pending.next_attempt_at
    limit (select count(*) from due) + 1
),

not_tried as (
    select min(counted.next_attempt_at) as next_attempt_at
    from (
        select soonest.{{key}}, soonest.next_attempt_at, false as tried
        from soonest
        union all
        select due.{{key}}, null, true
        from due
    ) as counted
    group by counted.{{key}}
    having not bool_or(counted.tried)
)