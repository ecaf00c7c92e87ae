-- Triggers that could not read a profile left a blind note. Profiles that are not where the rule wants them, by a row
-- written since, are noted again, to be enrolled like any other. One statement, one snapshot: all changes behind the
-- blind notes are visible. A note that spans all rows written since some transaction is made good twice: now, and when
-- every session is done that may have begun under the old names.
create or replace function listener.make_good_students(out notes bigint, out students bigint)
language sql security definer set search_path = pg_catalog, pg_temp as $$
with made_good_at_once as (
    delete from listener.blind_note
    where
        blind_note.source = 'profiles'
        and (not blind_note.spans or blind_note.horizon <= pg_snapshot_xmin(pg_current_snapshot()))
    returning blind_note.*
),

made_good_first as (
    update listener.blind_note
    set horizon = pg_snapshot_xmax(pg_current_snapshot())
    where blind_note.source = 'profiles' and blind_note.spans and blind_note.horizon is null
    returning blind_note.*
),

made_good as (
    select made_good_at_once.* from made_good_at_once
    union all
    select made_good_first.* from made_good_first
),

-- The cause for the LMS's triggers: another rule, or people who signed up while the rows could not be read.
cause as (
    select
        case
            when bool_or(made_good.operation = 'install' and not made_good.spans) then 'rule'
            --: if only_on_joining
            else 'sign_up'
            --: else
            when bool_and(made_good.operation = 'insert') then 'sign_up'
            else 'change'
            --: end
        end as word
    from made_good
),

student_to_enroll as (
    select student.id
    from (select made_good.xid from made_good order by made_good.xid limit 1) as oldest
    cross join lateral listener.astray_since(oldest.xid) as student(id)
)

select
    (select count(*) from made_good) as notes,
    listener.note_profiles(
        array(select student_to_enroll.id from student_to_enroll), (select cause.word from cause)
    ) as students
$$;
