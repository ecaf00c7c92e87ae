-- Enrollments that the brake holds, and the release: `listener release`.

-- name: held
-- What is held in each course, or in the one with this key ($1): how much, and a few of its profiles ($2); apart, who is
-- to join. Read first, then sorted: in the order of courses, by their index, each row would take a page of its own.
with held as materialized (
    select made.profile_id, made.course_id, false as joins
    from listener.made_enrollment as made
    where made.held_since is not null and ($1::text is null or made.course_id::text = $1)
    union all
    select pending_enrollment.profile_id, pending_enrollment.course_id, true
    from listener.pending_enrollment
    where
        pending_enrollment.reason = 'held'
        and not pending_enrollment.released
        and ($1::text is null or pending_enrollment.course_id::text = $1)
),

placed as (
    select
        held.profile_id,
        held.course_id,
        held.joins,
        row_number() over (partition by held.course_id, held.joins order by held.profile_id) as place
    from held
)

select
    placed.course_id::text as course_id,
    placed.joins,
    count(*) as held,
    array_agg(placed.profile_id::text order by placed.place) filter (where placed.place <= $2) as examples
from placed
group by placed.course_id, placed.joins
order by count(*) desc, placed.course_id, placed.joins;

-- name: brake
-- How many may be taken back within ten minutes, and were; how many may join, and have.
select
    clock_timestamp() as now,
    listener.brake_allows('leaving') as allowed,
    listener.brake_used('leaving') as taken_back,
    listener.brake_allows('joining') as joining_allowed,
    listener.brake_used('joining') as joined;

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
),

next_joining as materialized (
    select pending_enrollment.id
    from listener.pending_enrollment
    where
        pending_enrollment.reason = 'held'
        and not pending_enrollment.released
        and pending_enrollment.since <= $2
        and ($1::text is null or pending_enrollment.course_id::text = $1)
    order by pending_enrollment.since
    limit $3
    for update skip locked
),

-- Due like anything that was refused, should it be refused when its note is handled.
let_in as (
    update listener.pending_enrollment
    set released = true, cause = 'release', next_attempt_at = clock_timestamp()
    from next_joining
    where pending_enrollment.id = next_joining.id
    returning pending_enrollment.profile_id, pending_enrollment.course_id
)

select
    array_agg(released.profile_id::text) as profiles,
    array_agg(released.course_id::text) as courses,
    listener.note_profiles(array_agg(distinct released.profile_id), 'release') as noted
from (
    select released.profile_id, released.course_id from released
    union all
    select let_in.profile_id, let_in.course_id from let_in
) as released;

-- name: left
-- How many of the pairs (profiles $1, courses $2) are released, and not taken back, or not made, yet.
select count(*)
from unnest($1::text[], $2::text[]) as pair(profile_id, course_id)
left join listener.made_enrollment as made
    on made.profile_id = pair.profile_id::{{profile_key_type}} and made.course_id = pair.course_id::{{course_key_type}}
left join listener.pending_enrollment as joining
    on joining.profile_id = pair.profile_id::{{profile_key_type}} and joining.course_id = pair.course_id::{{course_key_type}}
where made.released_at is not null or joining.released;
