-- A changed row of a table that says who should be where, but is about no single profile: the keys that lead to profiles,
-- and which way they do. (`listener.routed` knows the ways.)
alter table listener.change add column route text;

alter table listener.change add column keys text[];

comment on column listener.change.keys is 'values of that row that lead to profiles along the route';

-- Which enrollments the listener made, where those that are not wanted any more are taken back: no other ever is.
create table listener.made_enrollment (
    profile_id {{profile_key_type}} not null,
    course_id {{course_key_type}} not null,
    row_key text,
    made_at timestamptz not null default clock_timestamp(),
    taken_back_at timestamptz,
    primary key (profile_id, course_id)
);

-- What a course's deletion, or its new key, is looked up by.
create index made_enrollment_of_course on listener.made_enrollment (course_id);

comment on column listener.made_enrollment.row_key is
'the primary key of that row of the LMS''s, as text: another row of the same pair is somebody else''s';

comment on column listener.made_enrollment.taken_back_at is 'when it was suspended or removed; null while it is as it was made';

-- Who waits for a seat in which course, in order of arrival.
create table listener.waiting (
    profile_id {{profile_key_type}} not null,
    course_id {{course_key_type}} not null,
    place bigint generated always as identity,
    since timestamptz not null default clock_timestamp(),
    primary key (profile_id, course_id)
);

create index waiting_in_line on listener.waiting (course_id, place);
