-- Enrollments that the brake holds, and their release: `listener release`.

-- name: held
-- What is held in each course, or in the one with this key ($1): how much, and a few of its profiles ($2).
-- Read first, then sorted: in the order of courses, by their index, each row would take a page of its own.
with held as materialized (
    select made.profile_id, made.course_id
    from listener.made_enrollment as made
    where made.held_since is not null and ($1::text is null or made.course_id::text = $1)
),

placed as (
    select
        held.profile_id,
        held.course_id,
        row_number() over (partition by held.course_id order by held.profile_id) as place
    from held
)

select
    placed.course_id::text as course_id,
    count(*) as held,
    array_agg(placed.profile_id::text order by placed.place) filter (where placed.place <= $2) as examples
from placed
group by placed.course_id
order by count(*) desc, placed.course_id;

-- name: brake
-- How many may be taken back within ten minutes, and were.
select
    clock_timestamp() as now,
    listener.brake_allows() as allowed,
    listener.taken_back_lately() as taken_back;

-- name: release
-- Releases enrollments held at a moment ($2) already, in one course or all ($1), at most $3: notes the profiles, for
-- the leader to handle. Returns profiles and courses.
with next_held as materialized (
    select made.profile_id, made.course_id
    from listener.made_enrollment as made
    where made.held_since <= $2 and ($1::text is null or made.course_id::text = $1)
    order by made.held_since
    limit $3
    for update skip locked
),

released as (
    update listener.made_enrollment as made
    set held_since = null, released_at = clock_timestamp()
    from next_held
    where made.profile_id = next_held.profile_id and made.course_id = next_held.course_id
    returning made.profile_id, made.course_id
)

select
    array_agg(released.profile_id::text) as profiles,
    array_agg(released.course_id::text) as courses,
    listener.note_profiles(array_agg(distinct released.profile_id), 'release') as noted
from released;

-- name: left
-- How many of these pairs (profiles $1, courses $2) are released, and not taken back yet.
select count(*)
from unnest($1::text[], $2::text[]) as pair(profile_id, course_id)
inner join listener.made_enrollment as made
    on made.profile_id = pair.profile_id::{{profile_key_type}} and made.course_id = pair.course_id::{{course_key_type}}
where made.released_at is not null;
