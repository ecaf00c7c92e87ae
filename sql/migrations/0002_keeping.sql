-- Counts of courses that have no column for them.
create table listener.course_count (
    course_id {{course_key_type}} primary key,
    active_enrollments bigint not null
);

-- Rows that stood in the way of a repair, as they were.
create table listener.quarantine (
    id bigint primary key generated always as identity,
    at timestamptz not null default clock_timestamp(),
    source text not null,
    reason text not null,
    content jsonb not null
);
