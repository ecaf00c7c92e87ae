-- Makes pending students due now, of these keys ($1) or all, and has the leader look at once ($2: the channel, $3: the
-- word). Not those who wait for a course: they are due as soon as there is one.
with hurried as (
    update listener.pending_enrollment
    set next_attempt_at = clock_timestamp()
    where
        pending_enrollment.next_attempt_at < 'infinity'
        and ($1::text[] is null or pending_enrollment.profile_id::text = any($1))
    returning pending_enrollment.profile_id
)

select count(*)
from hurried
cross join (select from pg_notify($2, $3)) as told
