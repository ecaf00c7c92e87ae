-- For the LMS's own users and scripts, in its own schema: how each profile stands.
create view {{lms_schema}}.profile_enrollment_sync_status as
select
    {{profile_key:profile}} as profile_id,
    coalesce(enrollments.total, 0) as total_enrollments,
    coalesce(enrollments.active, 0) as active_enrollments,
    coalesce(enrollments.total - enrollments.active, 0) as inactive_enrollments,
    enrollments.last_date as last_enrollment_date,
    case
        when not ({{student_condition}}) then 'not_student'
        when enrollments.total is null then 'needs_enrollment'
        when enrollments.active = 0 then 'no_active_enrollments'
        else 'enrolled'
    end as enrollment_status
from {{profile_table}} as profile
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

comment on view {{lms_schema}}.profile_enrollment_sync_status is 'made by listener install';

-- Whoever reads it needs rights on the tables; (before Postgres 15 the view's owner lends his).
do $$
declare
    grantee text;
begin
    if current_setting('server_version_num')::integer >= 150000 then
        alter view {{lms_schema}}.profile_enrollment_sync_status set (security_invoker = true);
    end if;
    revoke all on {{lms_schema}}.profile_enrollment_sync_status from public;
    for grantee in
        select quote_ident(rolname) from pg_catalog.pg_roles where rolname in ('anon', 'authenticated')
    loop
        execute format('revoke all on {{lms_schema}}.profile_enrollment_sync_status from %s', grantee);
    end loop;
end;
$$;
