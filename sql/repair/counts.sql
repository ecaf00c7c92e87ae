-- What an audit has to know of the counts: how many courses are off, whether a move was set aside, and whether counting is
-- paused.
select
    (select count(distinct course_drift.id) from listener.course_drift) as drifted,
    exists (select from listener.pending_count) as parked,
    exists (select from listener.pause where pause.consumer = 'count') as paused
