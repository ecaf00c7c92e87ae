-- For the LMS's own users and scripts, in its own schema: all figures at a glance.
create function {{lms_schema}}.get_enrollment_statistics()
returns table (
    total_profiles bigint,
    total_students bigint,
    total_enrollments bigint,
    students_with_enrollments bigint,
    students_without_enrollments bigint,
    active_enrollments bigint,
    inactive_enrollments bigint
)
language sql stable set search_path = pg_catalog, pg_temp as $$
    with profile_figures as (
        select
            count(*) as profiles,
            count(*) filter (where person.is_student) as students,
            count(*) filter (where person.is_student and person.is_enrolled) as enrolled
        from (
            select
                ({{student_condition}}) as is_student,
                exists (
                    select
                    from {{enrollment_table}} as enrollment
                    where {{enrollment_profile:enrollment}} = {{profile_key:profile}}
                ) as is_enrolled
            from {{profile_table}} as profile
        ) as person
    ),

    enrollment_figures as (
        select
            count(*) as enrollments,
            count(*) filter (where ({{is_active:enrollment}}) is true) as active
        from {{enrollment_table}} as enrollment
    )

    select
        profile_figures.profiles,
        profile_figures.students,
        enrollment_figures.enrollments,
        profile_figures.enrolled,
        profile_figures.students - profile_figures.enrolled,
        enrollment_figures.active,
        enrollment_figures.enrollments - enrollment_figures.active
    from profile_figures
    cross join enrollment_figures
$$;

comment on function {{lms_schema}}.get_enrollment_statistics() is 'made by listener install';

do $$
declare
    grantee text;
begin
    revoke all on function {{lms_schema}}.get_enrollment_statistics() from public;
    for grantee in
        select quote_ident(rolname) from pg_catalog.pg_roles where rolname in ('anon', 'authenticated')
    loop
        execute format('revoke all on function {{lms_schema}}.get_enrollment_statistics() from %s', grantee);
    end loop;
end;
$$;
