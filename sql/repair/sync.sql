-- Queries and notes of `listener sync`: pages of profiles, by key.

-- name: astray_next
-- The next profiles whose enrollments are not what they should be, in key order after $1 (as text; null to begin), at most
-- $2 of them; but for what is set aside. With each: what is to be done, and where. (Who waits for one course may be astray
-- elsewhere.)
select
    astray.profile_id::text,
    array_agg(astray.should_be || ' ' || coalesce(astray.course_id::text, '')) as work
from listener.astray() as astray
where
    ($1::text is null or astray.profile_id > ($1::text)::{{profile_key_type}})
    and not exists (
        select from listener.pending_enrollment
        where
            {{is_set_aside}}
    )
group by astray.profile_id
order by astray.profile_id
limit $2;

-- name: astray_still
-- Work still to be done for the profiles $1.
select
    astray.profile_id::text,
    array_agg(astray.should_be || ' ' || coalesce(astray.course_id::text, '')) as work
from listener.astray() as astray
where astray.profile_id = any (($1::text[])::{{profile_key_type}}[])
group by astray.profile_id;

-- name: note_profiles
-- Notes the profiles $1, for the leader to handle like new sign-ups: two sessions that settle the same profile at the
-- same moment would do the work twice.
select listener.note_profiles(($1::text[])::{{profile_key_type}}[], 'sync');

-- name: waiting
-- How many profiles are set aside.
select count(distinct pending_enrollment.profile_id) from listener.pending_enrollment;
