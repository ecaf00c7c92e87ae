-- Figures for metrics and the status page, read often: each is cheap even on large tables. At most $1 rows of a kind
-- are counted. A longer backlog is estimated: the feed's newest number tells roughly how many came after. A note that
-- does not concern a consumer (a count's note, for enrolling) is no backlog, though the consumer reads the note some
-- day. Notes of a paused consumer are told apart: they are not late.
with consumer as (
    select
        consumer.name,
        seen.read,
        seen.notes,
        seen.last_id,
        seen.oldest_at,
        exists (select from listener.pause where pause.consumer = consumer.name) as paused
    from unnest($2::text[]) as consumer(name)
    cross join lateral (
        select
            count(*) as read,
            count(*) filter (where note.concerns) as notes,
            max(note.id) as last_id,
            min(note.at) filter (where note.concerns) as oldest_at
        from (
            select
                unhandled.id,
                unhandled.at,
                case consumer.name
                    when 'enroll' then unhandled.delta is null
                    when 'count' then unhandled.delta is not null
                    else true
                end as concerns
            from listener.unhandled(consumer.name, $1) as unhandled
            limit $1
        ) as note
    ) as seen
),

newest_note as (
    select change.id
    from listener.change
    order by change.xid desc, change.id desc
    limit 1
),

backlog as (
    select
        consumer.name,
        consumer.paused,
        case
            when consumer.read < $1 then consumer.notes
            else consumer.notes + greatest((select newest_note.id from newest_note) - consumer.last_id, 0)
        end as notes
    from consumer
),

pending_by_reason as (
    select counted.reason, count(distinct counted.profile_id) as students
    from (
        select pending_enrollment.reason, pending_enrollment.profile_id
        from listener.pending_enrollment
        limit $1
    ) as counted
    group by counted.reason
),

-- Other sessions in this database. A session of a role that ours is not a member of shows the transaction's number, not
-- the start.
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
        from listener.entitled_session as session
        where session.application_name = 'listener' and session.pid <> pg_backend_pid()
    ) as standbys,
    (
        select coalesce(json_agg(squatter), '[]')
        from listener.squatter
    ) as squatters,
    (select max(backlog.notes) from backlog where not backlog.paused) as backlog,
    (select max(backlog.notes) from backlog where backlog.paused) as paused_backlog,
    (select coalesce(json_object_agg(backlog.name, backlog.notes), '{}') from backlog) as by_consumer,
    (
        select extract(epoch from min(consumer.oldest_at))::float8
        from consumer
        where not consumer.paused
    ) as oldest_unhandled_at,
    (
        select coalesce(json_object_agg(pending_by_reason.reason, pending_by_reason.students), '{}')
        from pending_by_reason
    ) as pending_students,
    (select count(*) from (select from listener.pending_count limit $1) as counted) as pending_counts,
    listener.count_held('leaving', $1) + listener.count_held('joining', $1) as held,
    (
        select
            case
                when listener.held_fit('leaving') or listener.held_fit('joining') then 0
                when exists (
                    select from listener.pending_enrollment where next_attempt_at = 'infinity' and reason <> 'held'
                )
                    and listener.has_default_course()
                    then 0
                -- Further away than any next attempt is: the server's clock has gone back.
                when exists (
                    select
                    from listener.pending_enrollment
                    where
                        next_attempt_at > statement_timestamp() + interval '80 minutes'
                        and next_attempt_at < 'infinity'
                )
                    then 0
                else extract(epoch from min(next_attempt_at) - clock_timestamp())::float8
            end
        from listener.pending_enrollment
        where next_attempt_at < 'infinity'
    ) as next_student_in,
    (
        select
            case
                when exists (
                    select from listener.pending_count where next_attempt_at > statement_timestamp() + interval '2 minutes'
                )
                    then 0
                else extract(epoch from min(next_attempt_at) - clock_timestamp())::float8
            end
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
