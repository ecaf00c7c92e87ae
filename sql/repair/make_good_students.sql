-- Triggers that could not read a profile left a blind note. Whoever is a student by a row that was written since, and
-- has no enrollment, is noted again, to be enrolled like any other. One statement, one snapshot: what the blind notes
-- stand for can be seen in it. A note that spans all that was written since some transaction is made good twice: now,
-- and when everybody is done who may have begun under the old names.
with made_good_at_once as (
    delete from listener.blind_note
    where
        blind_note.source = 'profiles'
        and (not blind_note.spans or blind_note.horizon <= pg_snapshot_xmin(pg_current_snapshot()))
    returning blind_note.xid
),

made_good_first as (
    update listener.blind_note
    set horizon = pg_snapshot_xmax(pg_current_snapshot())
    where blind_note.source = 'profiles' and blind_note.spans and blind_note.horizon is null
    returning blind_note.xid
),

made_good as (
    select made_good_at_once.xid from made_good_at_once
    union all
    select made_good_first.xid from made_good_first
),

student_to_enroll as (
    select
        student.id,
        (row_number() over () - 1) / 100 as note
    from (select made_good.xid from made_good order by made_good.xid limit 1) as oldest
    cross join lateral listener.missing_students(oldest.xid) as student(id)
),

new_note as (
    insert into listener.change (source, operation, profile_ids)
    select 'profiles', 'insert', array_agg(student_to_enroll.id)
    from student_to_enroll
    group by student_to_enroll.note
    returning cardinality(profile_ids) as students
)

select
    (select count(*) from made_good) as notes,
    (select coalesce(sum(new_note.students), 0) from new_note) as students
