-- For how long, at most, enrollments were there and not yet counted: from each of their notes to the first checkpoint of
-- counting that holds it, in seconds.
select extract(epoch from max(counted.at - change.at))
from listener.change
cross join lateral (
    select checkpoint.at
    from listener.checkpoint
    where checkpoint.consumer = 'count' and pg_visible_in_snapshot(change.xid, checkpoint.handled)
    order by checkpoint.seq
    limit 1
) as counted
where change.source = 'enrollments'
