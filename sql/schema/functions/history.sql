-- Deletes history that is older than the history is kept, from where the last step stopped (`from_id`); `most` rows at
-- a time.
create or replace function listener.purge_history(
    from_id bigint, most integer, out gone bigint, out last_id bigint
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
    with oldest as materialized (
        select
            history.ctid as row_id,
            history.at < clock_timestamp() - make_interval(days => {{history_days}}) as expired
        from listener.history
        where history.id >= from_id
        order by history.id
        limit most
    ),

    purged as (
        delete from listener.history
        where history.ctid = any (array(select oldest.row_id from oldest where oldest.expired))
        returning history.id, history.at
    ),

    begins_later as (
        update listener.purged
        set history_from = (select max(purged.at) from purged)
        where purged.only_row and purged.history_from < (select max(purged.at) from purged)
    )

    select count(*), max(purged.id)
    from purged
    into gone, last_id;
end;
$$;
