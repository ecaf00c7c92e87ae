-- Nothing here is anyone's but the owner's, whatever default privileges say.
do $$
declare
    grantee text;
begin
    for grantee in
        select distinct coalesce(quote_ident(role.rolname), 'public')
        from (
            select relacl as acl, relowner as owner from pg_catalog.pg_class where relnamespace = 'listener'::regnamespace
            union all
            select proacl, proowner from pg_catalog.pg_proc where pronamespace = 'listener'::regnamespace
            union all
            select nspacl, nspowner from pg_catalog.pg_namespace where nspname = 'listener'
        ) as object
        cross join lateral aclexplode(object.acl) as entry
        left join pg_catalog.pg_roles as role on role.oid = entry.grantee
        where entry.grantee <> object.owner
        union
        select 'public'
    loop
        execute format('revoke all on schema listener from %s', grantee);
        execute format('revoke all on all tables in schema listener from %s', grantee);
        execute format('revoke all on all sequences in schema listener from %s', grantee);
        execute format('revoke all on all functions in schema listener from %s', grantee);
    end loop;
end;
$$;

-- A trigger's condition runs with the rights of whoever updates the row. It is told both rows and says yes or no.
grant execute on function
    listener.is_news_of_student(anyelement, anyelement),
    listener.is_news_of_changed_student(anyelement, anyelement),
    listener.is_news_of_enrollment(anyelement, anyelement),
    listener.is_news_of_changed_enrollment(anyelement, anyelement),
    listener.is_news_of_course(anyelement, anyelement),
    listener.is_news_of_changed_course(anyelement, anyelement){{conditions_of_watched}}
to public;
