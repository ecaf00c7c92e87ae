insert into listener.installation (version, fingerprint, mapping)
values ({{version}}, {{fingerprint}}, {{mapping}})
on conflict (only_row) do update
set
    version = excluded.version,
    fingerprint = excluded.fingerprint,
    mapping = excluded.mapping,
    installed_at = now();
