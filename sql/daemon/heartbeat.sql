-- Asked with each heartbeat: whether the feed has notes, and whether this daemon can still work with the installation.
select
    exists (select from listener.unhandled('enroll', 1)) as news,
    (select installation.version from listener.installation) as version,
    current_setting('transaction_read_only') = 'on' as read_only,
    exists (select from listener.checkpoint) as has_checkpoints,
    -- What a trigger of the LMS's may have changed of this session.
    current_setting('search_path') as search_path,
    current_setting('session_replication_role') as replication_role,
    exists (
        select
        from pg_catalog.pg_locks
        where
            pg_locks.locktype = 'advisory'
            and pg_locks.pid = pg_backend_pid()
            and pg_locks.classid = 1279873876::oid
            and pg_locks.objsubid = 2
            and pg_locks.objid <> 2::oid
            and pg_locks.granted
    ) as holds_lead,
    listener.is_bound() and listener.replaced_part() is null as bound,
    (select count(*) from (select from listener.due_blind_note limit 1000) as due) as blind_notes,
    listener.partitions_changed() as partitions_changed,
    -- The installed reactions, to notice changes; and the reactions with notes to handle, or to handle again.
    (
        select coalesce(
            string_agg(concat_ws(' ', reaction.name, reaction.hash, reaction.installed_at), ', ' order by reaction.name), ''
        )
        from listener.reaction
    ) as reactions,
    array(
        select reaction.name
        from listener.reaction
        where exists (select from listener.unhandled(reaction.name, 1))
    ) as behind,
    (
        select coalesce(json_agg(shown order by shown.since, shown.consumer), '[]')
        from (
            select pause.consumer, pause.since, pause.paused_by, left(pause.reason, 1000) as reason from listener.pause
        ) as shown
    ) as paused
