-- Notes the next students that have no enrollment, in key order after $1 (as text; null to begin). They are enrolled like
-- whoever has just signed up, by whoever leads: two who enroll the same student at the same moment would do it twice.
with page as materialized (
    select student.id
    from listener.student_page(($1::text)::{{profile_key_type}}, $2) as student(id)
),

candidate as materialized (
    select
        student.id,
        (row_number() over () - 1) / 100 as note
    from listener.unenrolled(
        array(
            select page.id
            from page
            where not exists (
                select from listener.pending_enrollment
                where pending_enrollment.profile_id = page.id
                offset 0
            )
            order by page.id
        )
    ) as student(id)
),

new_note as (
    insert into listener.change (source, operation, profile_ids)
    select 'profiles', 'insert', array_agg(candidate.id)
    from candidate
    group by candidate.note
    returning cardinality(profile_ids) as students
)

select
    (select count(*) from page) as students,
    (select coalesce(sum(new_note.students), 0)::bigint from new_note) as noted,
    array(select candidate.id::text from candidate) as noted_ids,
    (select page.id::text from page order by page.id desc limit 1) as last_id
