-- The feed of a restored copy starts over. All in one snapshot: every note that can be seen goes (its transaction
-- is another cluster's, or is covered by what follows); what cannot be seen yet is beyond the fresh checkpoints; and
-- every student that can be seen and has no enrollment is noted again, to be enrolled like any other. Counts are the
-- audit's: what they are off by stays the same until it comes.
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
        pg_current_snapshot()
    from unnest($1::text[]) as consumer(name)
    returning consumer, seq
),

old_checkpoint as (
    delete from listener.checkpoint
    using fresh_checkpoint
    where checkpoint.consumer = fresh_checkpoint.consumer and checkpoint.seq < fresh_checkpoint.seq
    returning checkpoint.seq
),

student_to_enroll as (
    select
        student.id,
        (row_number() over () - 1) / 100 as note
    from listener.missing_students() as student(id)
    where not exists (select from listener.pending_enrollment where pending_enrollment.profile_id = student.id)
),

new_note as (
    insert into listener.change (source, operation, profile_ids)
    select 'profiles', 'insert', array_agg(student_to_enroll.id)
    from student_to_enroll
    group by student_to_enroll.note
    returning cardinality(profile_ids) as students
)

select
    (select count(*) from old_note) + (select count(*) from old_blind_note) as notes,
    (select count(*) from old_checkpoint) as checkpoints,
    (select coalesce(sum(students), 0) from new_note) as students
