-- The present partitions of the LMS's tables, and their files: to empty or rewrite a partition changes the file.
-- `attached_by` is the transaction that attached the partition: a partition that was away for a moment may have other
-- rows. (`pg_partition_tree` would lock each partition, and wait for other sessions' locks.)
create or replace function listener.partitions()
returns table (table_oid oid, file_node oid, attached_by xid)
language sql stable set search_path = pg_catalog, pg_temp as $$
    with recursive part(table_oid, attached_by) as (
        select binding.table_oid, null::xid
        from listener.binding
        inner join pg_class on pg_class.oid = binding.table_oid
        where binding.attnum is null and pg_class.relkind = 'p'
        union
        select pg_inherits.inhrelid, pg_inherits.xmin
        from part
        inner join pg_inherits on pg_inherits.inhparent = part.table_oid
    )

    select part.table_oid, pg_relation_filenode(part.table_oid), part.attached_by
    from part
$$;

-- Whether partitions came, went or were emptied, which no trigger notes: asked with each heartbeat.
create or replace function listener.partitions_changed() returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select exists (
        select
        from listener.partitions() as now
        full join listener.partition on partition.table_oid = now.table_oid
        where
            now.file_node is distinct from partition.file_node
            or now.attached_by is distinct from partition.attached_by
            or now.table_oid is null
            or partition.table_oid is null
    )
$$;

-- Students in new partitions are noted, to be enrolled like any other. Counts are the audit's.
create or replace function listener.follow_partitions() returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    newcomers oid[];
    noted bigint;
begin
    lock table listener.partition in share row exclusive mode;
    newcomers := array(
        select now.table_oid
        from listener.partitions() as now
        where
            not exists (
                select
                from listener.partition
                where
                    partition.table_oid = now.table_oid
                    and partition.attached_by is not distinct from now.attached_by
            )
    );
    if cardinality(newcomers) > 0 then
        noted := listener.note_profiles(
            array(select newcomer.id from listener.astray_in(newcomers) as newcomer(id)), 'change'
        );
    end if;
    delete from listener.partition;
    insert into listener.partition (table_oid, file_node, attached_by)
    select now.table_oid, now.file_node, now.attached_by from listener.partitions() as now;
    return coalesce(noted, 0);
end;
$$;
