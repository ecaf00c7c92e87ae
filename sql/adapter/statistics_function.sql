-- For the LMS's own users and scripts, in its own schema: all figures at a glance. Only while it is ours: a function of
-- that name that the LMS has made since stays as it is. Made anew after somebody has dropped it, it is closed again: a
-- function is everybody's otherwise.
do $made$
declare
    grantee text;
    is_new boolean := to_regprocedure('{{lms_schema}}.get_enrollment_statistics()') is null;
begin
    if
        to_regprocedure('{{lms_schema}}.get_enrollment_statistics()') is not null
        and obj_description(to_regprocedure('{{lms_schema}}.get_enrollment_statistics()'), 'pg_proc')
        is distinct from 'made by listener install'
    then
        return;
    end if;
    create or replace function {{lms_schema}}.get_enrollment_statistics()
    returns table (
        total_profiles bigint,
        total_students bigint,
        total_enrollments bigint,
        students_with_enrollments bigint,
        students_without_enrollments bigint,
        active_enrollments bigint,
        inactive_enrollments bigint
    )
    language sql stable
    set search_path = pg_catalog, pg_temp
    set enable_nestloop = off as $$
        with profile_figures as (
            select count(*) as profiles
            from {{profile_table}} as profile
        ),

        student_figures as (
            select
                count(*) as students,
                count(enrolled.profile_id) as enrolled
            from (
                select {{profile_key:profile}} as id
                from {{profile_table}} as profile
                where {{student_condition}}
            ) as student
            left join (
                select distinct {{enrollment_profile:enrollment}} as profile_id
                from {{enrollment_table}} as enrollment
            ) as enrolled on enrolled.profile_id = student.id
        ),

        enrollment_figures as (
            select
                count(*) as enrollments,
                count(*) filter (where ({{is_active:enrollment}}) is true) as active
            from {{enrollment_table}} as enrollment
        )

        select
            profile_figures.profiles,
            student_figures.students,
            enrollment_figures.enrollments,
            student_figures.enrolled,
            student_figures.students - student_figures.enrolled,
            enrollment_figures.active,
            enrollment_figures.enrollments - enrollment_figures.active
        from profile_figures
        cross join student_figures
        cross join enrollment_figures
    $$;
    comment on function {{lms_schema}}.get_enrollment_statistics() is 'made by listener install';
    for grantee in
        select 'public'
        where is_new
        union all
        select quote_ident(rolname) from pg_catalog.pg_roles where is_new and rolname in ('anon', 'authenticated')
    loop
        execute format('revoke all on function {{lms_schema}}.get_enrollment_statistics() from %s', grantee);
    end loop;
end;
$made$;
