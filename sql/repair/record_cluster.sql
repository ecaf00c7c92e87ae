insert into listener.cluster (system_identifier)
values ($1)
on conflict (only_row) do update
set
    system_identifier = excluded.system_identifier,
    since = excluded.since
where cluster.system_identifier <> excluded.system_identifier
