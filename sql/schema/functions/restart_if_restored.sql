-- The feed starts over in a restored copy, and where somebody deleted all checkpoints: in no other database. The copy's
-- checkpoints are not about the transactions of the copy's cluster. A database that pg_upgrade moved has kept the
-- transaction ids, and with them the feed.
create or replace function listener.restart_if_restored(
    out restored boolean, out notes bigint, out checkpoints bigint, out students bigint
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    consumers text[] := array['enroll', 'count'] || array(select reaction.name from listener.reaction);
    identifier bigint := listener.cluster_identifier();
    recorded bigint;
    has_its_ids boolean;
begin
    with latest as (
        select last_checkpoint.handled
        from listener.last_checkpoint
    )

    select exists (
        select from latest
        where pg_snapshot_xmax(latest.handled) > pg_snapshot_xmax(pg_current_snapshot())
    )
    into restored;

    select cluster.system_identifier, cluster.xmin = cluster.written_in::xid into recorded, has_its_ids
    from listener.cluster;
    restored := restored
        or coalesce(recorded <> identifier and not has_its_ids, false)
        or not exists (select from listener.checkpoint);
    if restored then
        {{whole_tables}}
        select told.* into notes, checkpoints, students from listener.restart_feed(consumers) as told;
    end if;
    if identifier is not null and (identifier is distinct from recorded or not has_its_ids) then
        insert into listener.cluster (system_identifier)
        values (identifier)
        on conflict (only_row) do update
        set
            system_identifier = excluded.system_identifier,
            since = excluded.since,
            written_in = excluded.written_in;
    end if;
end;
$$;
