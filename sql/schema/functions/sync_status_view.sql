-- For the LMS's own users and scripts, in the LMS's own schema: the standing of each profile. The view reads a function
-- that is bound at run time, with the rights of the role that asks: no column is kept from being altered or dropped.
create view {{lms_schema}}.profile_enrollment_sync_status as
select sync_status.*
from listener.profile_enrollment_sync_status() as sync_status;

comment on view {{lms_schema}}.profile_enrollment_sync_status is 'made by listener install';

-- Closed to everyone but the owner, until opened by hand. (Supabase's API would offer the view to all users.) A role
-- that may read the view may run the function below. A table under the view would be read with the rights of the role
-- that asks, too. (Postgres knows that from version 15 on.)
do $$
declare
    grantee text;
begin
    for grantee in
        select 'public'
        union all
        select quote_ident(rolname) from pg_catalog.pg_roles where rolname in ('anon', 'authenticated')
    loop
        execute $statement$revoke all on {{lms_schema}}.profile_enrollment_sync_status from $statement$ || grantee;
    end loop;
    if current_setting('server_version_num')::integer >= 150000 then
        execute $statement$alter view {{lms_schema}}.profile_enrollment_sync_status set (security_invoker = true)$statement$;
    end if;
end;
$$;

grant execute on function listener.profile_enrollment_sync_status() to public;
