insert into listener.bound_in (system_identifier, database_oid)
    select listener.cluster_identifier(), pg_database.oid
    from pg_catalog.pg_database
    where pg_database.datname = current_database()
    on conflict (only_row) do update
    set system_identifier = excluded.system_identifier, database_oid = excluded.database_oid;
