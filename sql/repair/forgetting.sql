-- `listener forget PROFILE`.

-- name: forget
-- Removes the profile $1 from everything, and returns numbers of rows. $2 is the column of enrollments that names the
-- profile, $3 a pattern of the key for texts. A note that some consumer has not handled stays, and is counted: without
-- the note, work would stay undone.
with last_checkpoint as materialized (
    select last_checkpoint.handled
    from listener.last_checkpoint
),

concerned_note as materialized (
    select
        change.xid,
        change.id,
        not exists (
            select from last_checkpoint
            where last_checkpoint.handled is null or not pg_visible_in_snapshot(change.xid, last_checkpoint.handled)
        ) as is_handled
    from listener.change
    where change.profile_ids @> array[($1::text)::{{profile_key_type}}] or change.keys @> array[$1::text]
),

forgotten_note as (
    update listener.change
    set
        profile_ids = array_remove(change.profile_ids, ($1::text)::{{profile_key_type}}),
        keys = array_remove(change.keys, $1::text)
    from concerned_note
    where concerned_note.is_handled and change.xid = concerned_note.xid and change.id = concerned_note.id
    returning change.id
),

forgotten_made as (
    delete from listener.made_enrollment where made_enrollment.profile_id = ($1::text)::{{profile_key_type}}
    returning made_enrollment.course_id
),

forgotten_waiting as (
    delete from listener.waiting where waiting.profile_id = ($1::text)::{{profile_key_type}}
    returning waiting.course_id
),

forgotten_pending as (
    delete from listener.pending_enrollment where pending_enrollment.profile_id = ($1::text)::{{profile_key_type}}
    returning pending_enrollment.profile_id
),

forgotten_gone as (
    delete from listener.gone where gone.profile_id = ($1::text)::{{profile_key_type}}
),

forgotten_in_quarantine as (
    delete from listener.quarantine where quarantine.content ->> $2 = $1::text
    returning quarantine.id
),

forgotten_history as (
    delete from listener.history where history.profile_id = ($1::text)::{{profile_key_type}}
    returning history.id
),

-- The profile $1 may be the reason for an action on another profile.
forgotten_reason as (
    update listener.history
    set because = regexp_replace(history.because, $3, '...', 'g')
    where history.because ~ $3 and history.profile_id <> ($1::text)::{{profile_key_type}}
    returning history.id
),

forgotten_example as (
    update listener.problem
    set examples = array_remove(problem.examples, $1::text)
    where problem.examples @> array[$1::text]
    returning problem.code
),

forgotten_error as (
    update listener.pending_count
    set error = regexp_replace(pending_count.error, $3, '...', 'g')
    where pending_count.error ~ $3
    returning pending_count.course_id
)

select
    (select count(*) from forgotten_made) as made,
    (select count(*) from forgotten_waiting) as waiting,
    (select count(*) from forgotten_pending) as pending,
    (select count(*) from forgotten_in_quarantine) as quarantined,
    (select count(*) from forgotten_note) as notes,
    (select count(*) from forgotten_history) as history,
    (select count(*) from forgotten_example)
    + (select count(*) from forgotten_error)
    + (select count(*) from forgotten_reason) as mentioned,
    (select count(*) from concerned_note where not concerned_note.is_handled) as unhandled;
