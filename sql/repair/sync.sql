-- Queries and notes of `listener sync`: pages of profiles, by key.

-- name: astray_next
-- The next profiles whose enrollments are not what they should be, in key order after $1 (as text; null to begin), at most
-- $2 of them; but for what is set aside. A row for those of a page, of $3 profiles, with the same work: an array of the
-- keys, as text, which a client need not take apart. (Who waits for one course may be astray elsewhere.)
with missed as (
    select
        astray.profile_id,
        array_agg(distinct astray.should_be || ' ' || coalesce(astray.course_id::text, '')) as work
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
    limit $2
),

numbered as (
    select
        missed.profile_id,
        missed.work,
        (row_number() over by_key - 1) / $3 as page,
        last_value(missed.profile_id) over by_key as last_id
    from missed
    window by_key as (order by missed.profile_id rows between unbounded preceding and unbounded following)
)

select
    numbered.page,
    numbered.work,
    array_agg(numbered.profile_id order by numbered.profile_id)::text as profiles,
    count(*) as students,
    numbered.last_id::text as last_id
from numbered
group by numbered.page, numbered.work, numbered.last_id
order by numbered.page;

-- name: astray_still
-- Work still to be done, by the number (from 1) of those of the arrays $1 in which the profiles are, and how many of them
-- it concerns.
select
    asked.number,
    astray.should_be || ' ' || coalesce(astray.course_id::text, '') as work,
    count(distinct astray.profile_id) as students
from unnest($1::text[]) with ordinality as asked(profiles, number)
cross join lateral unnest((asked.profiles)::{{profile_key_type}}[]) as profile(id)
inner join listener.astray() as astray on astray.profile_id = profile.id
group by asked.number, work;

-- name: note_profiles
-- Notes the profiles of the arrays $1, for the leader to handle like new sign-ups: two sessions that settle the same
-- profile at the same moment would do the work twice.
select
    listener.note_profiles(
        array(
            select profile.id
            from unnest($1::text[]) as asked(profiles)
            cross join lateral unnest((asked.profiles)::{{profile_key_type}}[]) as profile(id)
            order by profile.id
        ),
        'sync'
    );

-- name: waiting
-- How many profiles are set aside.
select count(distinct pending_enrollment.profile_id) from listener.pending_enrollment;
