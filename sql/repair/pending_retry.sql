-- Makes pending students due now. Not those who wait for a course: they are due as soon as there is one.
with hurried as (
    update listener.pending_enrollment
    set next_attempt_at = clock_timestamp()
    where
        pending_enrollment.next_attempt_at < 'infinity'
        and ($1::text[] is null or pending_enrollment.profile_id::text = any($1))
    returning pending_enrollment.profile_id
)

select count(*) from hurried
