-- Repairs every count by exactly the drift in this statement's snapshot; none while counting is paused. Parked deltas
-- for courses that are gone are settled before. Two repairs at the same time would apply a drift twice.
create or replace function listener.repair_counts()
returns table (course_id text, count_column text, current bigint, expected bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
    if pg_current_xact_id_if_assigned() is not null then
        perform listener.refuse_deferred();
    end if;
    perform listener.repair_alone();
    perform listener.settle_abandoned_counts()
    where not exists (select from listener.pause where pause.consumer = 'count');
    return query
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
    order by 1, 2;
end;
$$;
