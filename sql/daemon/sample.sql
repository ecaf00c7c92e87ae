-- Figures for metrics and the status page, read often: each is cheap however much there is. At most $2 rows of
-- anything are counted. A longer backlog is estimated: the feed's newest number tells how many came after.
with consumer as (
    select
        consumer.name,
        counted.notes,
        counted.last_id,
        oldest.at as oldest_at
    from unnest($1::text[]) as consumer(name)
    cross join lateral (
        select count(*) as notes, max(note.id) as last_id
        from (select unhandled.id from listener.unhandled(consumer.name, $2) as unhandled limit $2) as note
    ) as counted
    cross join lateral (
        select min(first.at) as at
        from listener.unhandled(consumer.name, 1) as first
    ) as oldest
),

newest_note as (
    select change.id
    from listener.change
    order by change.xid desc, change.id desc
    limit 1
),

pending_by_reason as (
    select counted.reason, count(*) as students
    from (select pending_enrollment.reason from listener.pending_enrollment limit $2) as counted
    group by counted.reason
),

-- Others in this database. Whose role one is not a member of shows its transaction's number, not its start.
transaction_of_others as (
    select
        session.xact_start,
        coalesce(session.backend_xid, session.backend_xmin) as xid
    from pg_catalog.pg_stat_activity as session
    where
        session.datname = current_database()
        and session.pid <> pg_backend_pid()
        and session.usesysid is not null
    union all
    select prepared.prepared, prepared.transaction
    from pg_catalog.pg_prepared_xacts as prepared
    where prepared.database = current_database()
)

select
    extract(epoch from clock_timestamp())::float8 as sampled_at,
    (
        select count(*)
        from pg_catalog.pg_stat_activity
        where datname = current_database() and application_name = 'listener' and pid <> pg_backend_pid()
    ) as standbys,
    (
        select max(
            case
                when consumer.notes < $2 then consumer.notes
                else consumer.notes + greatest((select newest_note.id from newest_note) - consumer.last_id, 0)
            end
        )
        from consumer
    ) as backlog,
    (select extract(epoch from min(consumer.oldest_at))::float8 from consumer) as oldest_unhandled_at,
    (
        select coalesce(json_object_agg(pending_by_reason.reason, pending_by_reason.students), '{}')
        from pending_by_reason
    ) as pending_students,
    (select count(*) from (select from listener.pending_count limit $2) as counted) as pending_counts,
    (
        select
            case
                when exists (select from listener.pending_enrollment where next_attempt_at = 'infinity')
                    and exists (select from listener.default_course)
                    then 0
                else extract(epoch from min(next_attempt_at) - clock_timestamp())::float8
            end
        from listener.pending_enrollment
        where next_attempt_at < 'infinity'
    ) as next_student_in,
    (
        select extract(epoch from min(next_attempt_at) - clock_timestamp())::float8
        from listener.pending_count
    ) as next_count_in,
    pg_notification_queue_usage() as notify_queue_usage,
    (
        select extract(epoch from min(transaction_of_others.xact_start))::float8
        from transaction_of_others
    ) as oldest_transaction_at,
    (
        select transaction_of_others.xid::text
        from transaction_of_others
        where transaction_of_others.xact_start is null and transaction_of_others.xid is not null
        order by age(transaction_of_others.xid) desc
        limit 1
    ) as hidden_xid
