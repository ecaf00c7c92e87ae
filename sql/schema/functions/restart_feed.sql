-- The feed of a restored copy starts over. All in one snapshot: every visible note goes (the note's transaction is
-- another cluster's, or is covered by the rest); notes that are not visible yet are beyond the fresh checkpoints; and
-- every visible student without an enrollment is noted again, to be enrolled like any other. Counts are the audit's:
-- the drift stays the same until the audit comes.
create or replace function listener.restart_feed(
    consumers text[], out notes bigint, out checkpoints bigint, out students bigint
)
language sql security definer set search_path = pg_catalog, pg_temp as $$
with old_note as (
    delete from listener.change
    returning xid
),

purged as (
    update listener.purged
    set latest_note_at = clock_timestamp()
    where purged.only_row
),

old_blind_note as (
    delete from listener.blind_note
    returning xid
),

ahead_no_more as (
    delete from listener.ahead
    returning xid
),

fresh_checkpoint as (
    insert into listener.checkpoint (consumer, seq, handled)
    select
        consumer.name,
        coalesce(
            (
                select max(checkpoint.seq)
                from listener.checkpoint
                where checkpoint.consumer = consumer.name
            ),
            0
        ) + 1,
        listener.seen(pg_current_snapshot())
    from unnest(consumers) as consumer(name)
    returning consumer, seq
),

old_checkpoint as (
    delete from listener.checkpoint
    using fresh_checkpoint
    where checkpoint.consumer = fresh_checkpoint.consumer and checkpoint.seq < fresh_checkpoint.seq
    returning checkpoint.seq
),

student_to_enroll as (
    select student.id
    from (select distinct astray.profile_id from listener.astray() as astray) as student(id)
    where not exists (select from listener.pending_enrollment where pending_enrollment.profile_id = student.id)
)

select
    (select count(*) from old_note) + (select count(*) from old_blind_note) as notes,
    (select count(*) from old_checkpoint) as checkpoints,
    listener.note_profiles(array(select student_to_enroll.id from student_to_enroll), 'audit') as students
$$;
