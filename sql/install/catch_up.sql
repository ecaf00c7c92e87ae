-- A table that was not bound before has taken the place of one that was: whatever was written to it is made good by the
-- daemon, from when it came. (What triggers could not read is noted already, blindly.)
insert into listener.blind_note (xid, source, operation, sqlstate)
select new_table.since, made.source, 'install', '00000'
from (
    select (pg_snapshot_xmax(pg_current_snapshot())::text::bigint - max(age(attribute.xmin)) - 1)::text::xid8 as since
    from pg_catalog.pg_attribute as attribute
    where
        attribute.attrelid in ({{mapped_tables}})
        and attribute.attnum < 0
        and exists (select from listener.binding)
        and attribute.attrelid not in (select binding.table_oid from listener.binding)
) as new_table
cross join unnest(array['profiles', 'enrollments', 'courses']) as made(source)
where new_table.since is not null;

-- Triggers of ours are disabled, and are about to be made anew: likewise, from when they were.
insert into listener.blind_note (xid, source, operation, sqlstate)
select disabled.since, made.source, 'install', '00000'
from (
    select (pg_snapshot_xmax(pg_current_snapshot())::text::bigint - max(age(pg_trigger.xmin)) - 1)::text::xid8 as since
    from pg_catalog.pg_trigger
    inner join pg_catalog.pg_proc on pg_proc.oid = pg_trigger.tgfoid
    where pg_proc.pronamespace = 'listener'::regnamespace and pg_trigger.tgenabled not in ('O', 'A')
) as disabled
cross join unnest(array['profiles', 'enrollments', 'courses']) as made(source)
where disabled.since is not null;
