-- Repairs every count by exactly what it is off by in this statement's snapshot.
with drifted as materialized (
    select * from listener.course_drift
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
