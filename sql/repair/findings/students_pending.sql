with found as (
    select format('%s: %s', profile_id, coalesce(error, reason)) as example
    from listener.pending_enrollment
)

select
    (select count(*) from found) as affected,
    array(select example from found order by example limit 5) as examples
