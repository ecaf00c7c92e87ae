-- For the LMS's own users and scripts, in the LMS's own schema: all figures at a glance. Only while ours: a function of
-- that name that the LMS has made since stays. Made again after somebody has dropped it, the function is closed again:
-- by default all roles may call a function.
do $made$
declare
    grantee text;
    is_new boolean := to_regprocedure($name${{lms_schema}}.get_enrollment_statistics()$name$) is null;
begin
    if exists (
        select from pg_proc
        where
            pg_proc.oid = to_regprocedure($name${{lms_schema}}.get_enrollment_statistics()$name$)::oid
            and (
                pg_proc.prosrc not like '%made by listener install%'
                or pg_get_userbyid(pg_proc.proowner) <> current_user
            )
    ) then
        return;
    end if;
    create or replace function {{lms_schema}}.get_enrollment_statistics()
    returns table (
        total_profiles integer,
        total_students integer,
        total_enrollments integer,
        students_with_enrollments integer,
        students_without_enrollments integer,
        active_enrollments integer,
        inactive_enrollments integer
    )
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
    set enable_nestloop = off as $$
    -- made by listener install
    #variable_conflict use_column
    declare
        student_ids {{profile_key_type}}[];
    begin
        {{student_ids}}
        return query
        with profile_figures as (
            select count(*) as profiles
            from {{profile_table}} as profile
        ),

        student_figures as (
            select
                count(*) as students,
                count(enrolled.profile_id) as enrolled
            from unnest(student_ids) as student(id)
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
            (profile_figures.profiles)::integer,
            (student_figures.students)::integer,
            (enrollment_figures.enrollments)::integer,
            (student_figures.enrolled)::integer,
            (student_figures.students - student_figures.enrolled)::integer,
            (enrollment_figures.active)::integer,
            (enrollment_figures.enrollments - enrollment_figures.active)::integer
        from profile_figures
        cross join student_figures
        cross join enrollment_figures;
    end;
    $$;
    comment on function {{lms_schema}}.get_enrollment_statistics() is 'made by listener install';
    for grantee in
        select 'public'
        where is_new
        union all
        select quote_ident(rolname) from pg_catalog.pg_roles where is_new and rolname in ('anon', 'authenticated')
    loop
        execute $revoke$revoke all on function {{lms_schema}}.get_enrollment_statistics() from $revoke$ || grantee;
    end loop;
exception when insufficient_privilege then
    -- No reaction needs the function; the follower tells.
    perform set_config('listener.passed_over', $name${{lms_schema}}.get_enrollment_statistics()$name$, true);
end;
$made$;
