-- Students that were set aside, the longest first.
select
    pending_enrollment.profile_id::text,
    pending_enrollment.reason,
    pending_enrollment.error,
    pending_enrollment.attempts,
    pending_enrollment.since,
    nullif(pending_enrollment.next_attempt_at, 'infinity') as next_attempt_at
from listener.pending_enrollment
order by pending_enrollment.since, pending_enrollment.profile_id
limit $1
