-- What `listener wait` asks of one profile: $1 is its key, as text.

-- name: settled
select listener.settled(($1::text)::{{profile_key_type}}) as settled;

-- name: pending
select pending_enrollment.reason, pending_enrollment.error
from listener.pending_enrollment
where pending_enrollment.profile_id = ($1::text)::{{profile_key_type}};
