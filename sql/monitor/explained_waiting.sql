-- What the listener's own tables say of one profile ($1, its key). Of the feed only what waits is read, never its history.
with pending as (
    select
        pending_enrollment.reason,
        pending_enrollment.error,
        pending_enrollment.attempts,
        pending_enrollment.since,
        nullif(pending_enrollment.next_attempt_at, 'infinity') as next_attempt_at
    from listener.pending_enrollment
    where pending_enrollment.profile_id = ($1::text)::{{profile_key_type}}
),

noted as (
    select
        count(*) as notes,
        min(unhandled.at) as oldest_at
    from listener.unhandled('enroll') as unhandled
    where ($1::text)::{{profile_key_type}} = any (unhandled.profile_ids)
),

-- Of rows that are about no single profile, and may lead to this one.
routed as (
    select
        count(*) as notes,
        min(unhandled.at) as oldest_at
    from listener.unhandled('enroll') as unhandled
    where unhandled.route is not null
),

noted_blindly as (
    select
        count(*) as notes,
        min(blind_note.at) as oldest_at
    from listener.blind_note
    where blind_note.source = 'profiles'
)

select
    pending.reason,
    pending.error,
    pending.attempts,
    pending.since,
    pending.next_attempt_at,
    noted.notes,
    noted.oldest_at,
    routed.notes as routed_notes,
    routed.oldest_at as oldest_routed_at,
    noted_blindly.notes as blind_notes,
    noted_blindly.oldest_at as oldest_blind_at,
    exists (select from listener.pause where pause.consumer = 'enroll') as enrolling_paused
from noted
cross join routed
cross join noted_blindly
left join pending on true
