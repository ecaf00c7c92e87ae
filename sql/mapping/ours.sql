select format('view %s', class.oid::regclass) as name
        from pg_catalog.pg_class as class
        where
            class.relkind = 'v'
            and class.relname = 'profile_enrollment_sync_status'
            and class.relowner in (
                select namespace.nspowner from pg_catalog.pg_namespace as namespace where namespace.nspname = 'listener'
                union all
                select role.oid from pg_catalog.pg_roles as role where role.rolname = current_user
            )
            and exists (
                select
                from pg_catalog.pg_rewrite
                inner join pg_catalog.pg_depend on pg_depend.objid = pg_rewrite.oid
                inner join pg_catalog.pg_proc on pg_proc.oid = pg_depend.refobjid
                where
                    pg_rewrite.ev_class = class.oid
                    and pg_depend.refclassid = 'pg_catalog.pg_proc'::regclass::oid
                    and pg_proc.pronamespace = to_regnamespace('listener')::oid
            )
        union all
        select format('function %s', proc.oid::regprocedure)
        from pg_catalog.pg_proc as proc
        where
            proc.proname = 'get_enrollment_statistics'
            -- The text alone proves nothing: any role can write the same text.
            and proc.proowner in (
                select namespace.nspowner from pg_catalog.pg_namespace as namespace where namespace.nspname = 'listener'
                union all
                select role.oid from pg_catalog.pg_roles as role where role.rolname = current_user
            )
            and proc.prosrc like '%made by listener install%'
