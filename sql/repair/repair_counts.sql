-- Repairs every count by exactly what it is off by in this statement's snapshot; none while counting is paused.
with drifted as materialized (
    select course_drift.*
    from listener.course_drift
    where not exists (select from listener.pause where pause.consumer = 'count')
),

repaired as materialized (
    select
        drifted.*,
        listener.repair_count(drifted.id, drifted.count_column, drifted.drift) as done
    from drifted
)

select
    repaired.id::text as course_id,
    repaired.count_column,
    repaired.current,
    repaired.expected
from repaired
where repaired.done
order by 1, 2
