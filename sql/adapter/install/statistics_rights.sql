-- What stands in the LMS's own schema is closed to everyone but its owner, until somebody opens it. (Supabase's API
-- would offer it to anybody.) Whoever may read the view may run the function under it.
do $$
declare
    ours text;
    grantee text;
begin
    for ours in
        {{ours}}
    loop
        for grantee in
            select 'public'
            union all
            select quote_ident(rolname) from pg_catalog.pg_roles where rolname in ('anon', 'authenticated')
        loop
            execute format('revoke all on %s from %s', regexp_replace(ours, '^view', 'table'), grantee);
        end loop;
    end loop;
    if to_regprocedure('listener.profile_enrollment_sync_status()') is not null then
        grant execute on function listener.profile_enrollment_sync_status() to public;
    end if;
end;
$$;
