select format('view %s', class.oid::regclass) as name
        from pg_catalog.pg_class as class
        where
            class.relkind = 'v'
            and class.relname = 'profile_enrollment_sync_status'
            and obj_description(class.oid, 'pg_class') = 'made by listener install'
        union all
        select format('function %s', proc.oid::regprocedure)
        from pg_catalog.pg_proc as proc
        where
            proc.proname = 'get_enrollment_statistics'
            and obj_description(proc.oid, 'pg_proc') = 'made by listener install'
