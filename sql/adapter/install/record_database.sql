insert into listener.bound_in (system_identifier, database_oid, trusted_before)
    select listener.cluster_identifier(), pg_database.oid, pg_snapshot_xmin(pg_current_snapshot())
    from pg_catalog.pg_database
    where pg_database.datname = current_database()
    on conflict (only_row) do update
    set
        system_identifier = excluded.system_identifier,
        database_oid = excluded.database_oid,
        trusted_before = case
            when bound_in.system_identifier is not distinct from excluded.system_identifier then bound_in.trusted_before
        end;
