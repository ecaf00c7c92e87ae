-- Somebody signs up. Every third takes the gold plan, too, and every other of these gives it up when three more are there.
with signed_up as (
    insert into profiles (email, role, full_name)
    values ('student' || $1::integer || '@example.com', 'student', 'Student ' || $1::integer)
    returning id
),

subscribed as (
    insert into subscriptions (profile_id, plan)
    select signed_up.id, 'gold'
    from signed_up
    where $1::integer % 3 = 0
)

delete from subscriptions
using profiles
where
    $1::integer % 6 = 0
    and profiles.id = subscriptions.profile_id
    and profiles.email = 'student' || ($1::integer - 3) || '@example.com';
