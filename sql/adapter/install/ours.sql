select format('view %s', class.oid::regclass) as name
        from pg_catalog.pg_class as class
        where
            class.relkind = 'v'
            and class.relname = 'profile_enrollment_sync_status'
            and (
                exists (
                    select
                    from pg_catalog.pg_rewrite
                    inner join pg_catalog.pg_depend on pg_depend.objid = pg_rewrite.oid
                    inner join pg_catalog.pg_proc on pg_proc.oid = pg_depend.refobjid
                    where
                        pg_rewrite.ev_class = class.oid
                        and pg_depend.refclassid = 'pg_catalog.pg_proc'::regclass
                        and pg_proc.pronamespace = 'listener'::regnamespace
                )
                or (
                    obj_description(class.oid, 'pg_class') = 'made by listener install'
                    and (select installation.version from listener.installation) < 4
                )
            )
        union all
        select format('function %s', proc.oid::regprocedure)
        from pg_catalog.pg_proc as proc
        where
            proc.proname = 'get_enrollment_statistics'
            and (
                proc.prosrc like '%made by listener install%'
                or (
                    obj_description(proc.oid, 'pg_proc') = 'made by listener install'
                    and (select installation.version from listener.installation) < 4
                )
            )
