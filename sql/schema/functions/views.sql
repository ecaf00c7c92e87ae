-- The LMS's own tables under fixed names, for people. They stand on functions that are bound when they run, so they
-- hold no column fast; and each reads its tables as a whole: a reaction asks the functions, by key.

create view listener.student (id) as
select student.id
from listener.students() as student(id);

create view listener.enrollment as
select enrollment.*
from listener.enrollments() as enrollment;

create view listener.course as
select course.*
from listener.courses() as course;

-- Where a new student lands: one row, or none while there is no course to be had.
create view listener.default_course (id) as
select course.id
from listener.default_course_id() as course(id)
where course.id is not null;

create view listener.course_drift as
select drifted.*
from listener.drifted_counts() as drifted;

-- Who should be where and is not, but for those who are set aside: empty once everything is handled. What somebody removed
-- that the listener had made counts as meant, where the listener keeps account of what it made.
create view listener.wanted_missing as
select
    astray.profile_id,
    astray.course_id
from listener.astray() as astray
where
    astray.should_be in ('enrolled', 'returned')
    and not exists (
        select from listener.pending_enrollment
        where
            {{is_set_aside}}
    );

-- Blind notes to be made good now; the others wait for transactions to end that may have begun under old names.
create view listener.due_blind_note as
select
    blind_note.xid,
    blind_note.source,
    blind_note.at
from listener.blind_note
where coalesce(blind_note.horizon <= pg_snapshot_xmin(pg_current_snapshot()), true);
