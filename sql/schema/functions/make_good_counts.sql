-- Changes of enrollments and courses that triggers could not note show as drift, and are repaired after this, in the
-- same transaction. Students who wait for a course are woken: a course may have become available. (A note that spans
-- all rows written since some transaction is made good twice, as with students.)
create or replace function listener.make_good_counts(out notes bigint, out woken bigint)
language sql security definer set search_path = pg_catalog, pg_temp as $$
with made_good_at_once as (
    delete from listener.blind_note
    where
        blind_note.source <> 'profiles'
        and (not blind_note.spans or blind_note.horizon <= pg_snapshot_xmin(pg_current_snapshot()))
    returning blind_note.source
),

made_good_first as (
    update listener.blind_note
    set horizon = pg_snapshot_xmax(pg_current_snapshot())
    where blind_note.source <> 'profiles' and blind_note.spans and blind_note.horizon is null
    returning blind_note.source
),

made_good as (
    select made_good_at_once.source from made_good_at_once
    union all
    select made_good_first.source from made_good_first
),

new_note as (
    insert into listener.change (source, operation)
    select 'courses', 'update'
    from made_good
    where made_good.source = 'courses'
    limit 1
    returning id
)

select
    (select count(*) from made_good) as notes,
    (select count(*) from new_note) as woken
$$;
