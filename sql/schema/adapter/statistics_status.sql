-- The standing of each profile, as far as the role that asks may see.
create or replace function listener.profile_enrollment_sync_status()
returns table (
    profile_id {{profile_key_type}},
    total_enrollments bigint,
    active_enrollments bigint,
    inactive_enrollments bigint,
    last_enrollment_date {{enrollment_date_type}},
    enrollment_status text
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set enable_nestloop = off as $$
#variable_conflict use_column
declare
    student_ids {{profile_key_type}}[];
begin
    {{expect_for_anybody}}
    {{student_ids}}
    return query
    select
        {{profile_key:profile}}::{{profile_key_type}},
        coalesce(enrollments.total, 0),
        coalesce(enrollments.active, 0),
        coalesce(enrollments.total - enrollments.active, 0),
        enrollments.last_date::{{enrollment_date_type}},
        case
            when student.id is null then 'not_student'
            when enrollments.total is null then 'needs_enrollment'
            when enrollments.active = 0 then 'no_active_enrollments'
            else 'enrolled'
        end
    from {{profile_table}} as profile
    left join unnest(student_ids) as student(id) on student.id = {{profile_key:profile}}
    left join (
        select
            {{enrollment_profile:enrollment}} as profile_id,
            count(*) as total,
            count(*) filter (where ({{is_active:enrollment}}) is true) as active,
            max({{enrollment_date:enrollment}}) as last_date
        from {{enrollment_table}} as enrollment
        where {{enrollment_profile:enrollment}} is not null
        group by {{enrollment_profile:enrollment}}
    ) as enrollments on enrollments.profile_id = {{profile_key:profile}};
end;
$$;
