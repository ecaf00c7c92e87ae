with dropped as (
    delete from listener.pending_enrollment
    where $1::text[] is null or pending_enrollment.profile_id::text = any($1)
    returning pending_enrollment.profile_id
)

select count(*) from dropped
