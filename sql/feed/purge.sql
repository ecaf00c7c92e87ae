-- The oldest notes that every consumer has handled, once they are old enough; a few at a time, and from where
-- the last step stopped, so that the dead rows before it are not walked again. They are deleted where they were found:
-- a join, planned while the feed was believed to be empty, compares each of them with each note of the feed. (Whoever runs
-- this may not know of a reaction that has just been installed.)
with last_checkpoint as materialized (
    select consumer.name, latest.handled
    from (
        select unnest($1::text[]) as name
        union
        select reaction.name from listener.reaction
    ) as consumer
    left join lateral (
        select checkpoint.handled
        from listener.checkpoint
        where checkpoint.consumer = consumer.name
        order by checkpoint.seq desc
        limit 1
    ) as latest on true
),

oldest_note as materialized (
    select
        change.ctid as row_id,
        change.xid,
        change.at < clock_timestamp() - make_interval(secs => $4)
        and not exists (
            select from last_checkpoint
            where last_checkpoint.handled is null
               or not pg_visible_in_snapshot(change.xid, last_checkpoint.handled)
        ) as expired
    from listener.change
    where change.xid >= ($2::text)::xid8
    order by change.xid, change.id
    limit $3
),

purged_note as (
    delete from listener.change
    where change.ctid = any (array(select oldest_note.row_id from oldest_note where oldest_note.expired))
    returning change.xid, change.at
),

-- Whoever wants notes to be handled again must know which are gone.
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
    (select count(*) from purged_note) as notes,
    (select xid::text from purged_note order by xid desc limit 1) as last_xid,
    least((select xid from first_to_stay), pg_snapshot_xmin(pg_current_snapshot()))::text as next_pass_from
