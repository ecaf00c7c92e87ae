-- Students, and those without an enrollment, in one snapshot. Reads the tables as a whole. Whoever is in no unhandled
-- note and not pending either was missed: written by somebody who skipped the triggers, or enrolled once and not any
-- more. Whatever the caller's session is tuned for, no row is compared with each of another table's: where a table is
-- believed to be empty, a nested loop looks as cheap as any join.
create or replace function listener.student_figures(
    out students bigint, out without_enrollment bigint, out missed bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = on
set enable_hashjoin = on
set enable_mergejoin = on
set enable_material = on
set enable_nestloop = off as $$
#variable_conflict use_column
begin
    with student as materialized (
        {{student_view}}
    ),
    enrolled as (
        select {{enrollment_profile:enrollment}} as profile_id
        from {{enrollment_table}} as enrollment
    ),
    unenrolled_student as materialized (
        select student.id
        from student
        where not exists (select from enrolled where enrolled.profile_id = student.id)
    ),
    noted as (
        select noted_profile.id
        from listener.unhandled('enroll') as unhandled
        cross join lateral unnest(unhandled.profile_ids) as noted_profile(id)
    ),
    missed_student as (
        select unenrolled_student.id
        from unenrolled_student
        where
            not exists (select from noted where noted.id = unenrolled_student.id)
            and not exists (
                select from listener.pending_enrollment
                where pending_enrollment.profile_id = unenrolled_student.id
            )
    )
    select
        (select count(*) from student),
        (select count(*) from unenrolled_student),
        (select count(*) from missed_student where {{enrolls}})
    into students, without_enrollment, missed;
    {{expect_student_columns}}
    {{expect_enrollment_columns}}
end;
$$;
