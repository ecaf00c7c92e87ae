-- The oldest notes that every consumer has handled, once older than `keep_seconds`; `most` at a time, and from where
-- the last step stopped (`from_xid`), so that earlier dead rows are not walked again. Notes are deleted where found: a
-- join, planned while the feed was believed to be empty, compares each with each note of the feed.
create or replace function listener.purge(
    from_xid xid8,
    most integer,
    keep_seconds double precision,
    out notes bigint,
    out last_xid xid8,
    out next_pass_from xid8,
    out keeps_history boolean
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
    with last_checkpoint as materialized (
        select last_checkpoint.handled
        from listener.last_checkpoint
    ),

    oldest_note as materialized (
        select
            change.ctid as row_id,
            change.xid,
            change.at < clock_timestamp() - make_interval(secs => keep_seconds)
            and not exists (
                select from last_checkpoint
                where last_checkpoint.handled is null
                   or not pg_visible_in_snapshot(change.xid, last_checkpoint.handled)
            ) as expired
        from listener.change
        where change.xid >= from_xid
        order by change.xid, change.id
        limit most
    ),

    purged_note as (
        delete from listener.change
        where change.ctid = any (array(select oldest_note.row_id from oldest_note where oldest_note.expired))
        returning change.xid, change.at
    ),

    -- A caller that wants notes to be handled again must know which are gone.
    latest_purged as (
        update listener.purged
        set latest_note_at = (select max(purged_note.at) from purged_note)
        where purged.only_row and purged.latest_note_at < (select max(purged_note.at) from purged_note)
        returning purged.latest_note_at
    ),

    -- The next pass begins no higher than the first note that stays, nor than a transaction that is still open.
    first_to_stay as (
        select oldest_note.xid
        from oldest_note
        where not oldest_note.expired
        order by oldest_note.xid
        limit 1
    )

    select
        (select count(*) from purged_note),
        (select purged_note.xid from purged_note order by purged_note.xid desc limit 1),
        least((select first_to_stay.xid from first_to_stay), pg_snapshot_xmin(pg_current_snapshot())),
        {{keeps_history}}
    into notes, last_xid, next_pass_from, keeps_history;
end;
$$;

-- A consumer's old checkpoints, all but the last. The order is by age: however many are too young to go, no more are
-- looked at than may be deleted.
create or replace function listener.purge_checkpoints(
    consumer_name text,
    from_seq bigint,
    most integer,
    keep_seconds double precision,
    out checkpoints bigint,
    out last_seq bigint
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
    with oldest_checkpoint as materialized (
        select
            checkpoint.ctid as row_id,
            checkpoint.at < clock_timestamp() - make_interval(secs => keep_seconds) as expired
        from listener.checkpoint
        where
            checkpoint.consumer = consumer_name
            and checkpoint.seq >= from_seq
            and checkpoint.seq < (
                select last_checkpoint.seq from listener.last_checkpoint where last_checkpoint.consumer = consumer_name
            )
        order by checkpoint.seq
        limit most
    ),

    purged_checkpoint as (
        delete from listener.checkpoint
        where
            checkpoint.ctid = any (
                array(select oldest_checkpoint.row_id from oldest_checkpoint where oldest_checkpoint.expired)
            )
        returning checkpoint.seq
    )

    select
        count(*),
        max(purged_checkpoint.seq)
    from purged_checkpoint
    into checkpoints, last_seq;
end;
$$;
