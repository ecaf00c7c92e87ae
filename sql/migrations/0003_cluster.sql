-- Whose transaction ids the feed's checkpoints are about: a copy of this database in another cluster has others.
create table listener.cluster (
    only_row boolean primary key default true check (only_row),
    system_identifier bigint not null,
    since timestamptz not null default clock_timestamp()
);

do $$
begin
    insert into listener.cluster (system_identifier)
    select pg_control_system.system_identifier
    from pg_catalog.pg_control_system();
exception when insufficient_privilege then
    null;  -- then a copy is known only by checkpoints that lie in its future
end;
$$;
