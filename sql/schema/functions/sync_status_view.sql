-- For the LMS's own users and scripts, in its own schema: how each profile stands. It stands on a function that is bound
-- when it runs, with the rights of the role that asks: it keeps no column from being altered or dropped.
create view {{lms_schema}}.profile_enrollment_sync_status as
select sync_status.*
from listener.profile_enrollment_sync_status() as sync_status;

comment on view {{lms_schema}}.profile_enrollment_sync_status is 'made by listener install';

-- It is closed to everyone but its owner, until somebody opens it. (Supabase's API would offer it to anybody.) A role that
-- may read it may run the function under it. Should it ever stand on a table, that is read with the rights of the role that
-- asks, too. (Postgres knows that from version 15 on.)
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
