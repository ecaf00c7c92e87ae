-- The LMS's own tables under fixed names, for people. The views read functions that are bound at run time, so no column
-- is held fast; and each view reads its tables as a whole: a reaction calls the functions, by key.

create view listener.student (id) as
select student.id
from listener.students() as student(id);

create view listener.enrollment as
select enrollment.*
from listener.enrollments() as enrollment;

create view listener.course as
select course.*
from listener.courses() as course;

-- The course for a new student: one row, or none while no course is available.
create view listener.default_course (id) as
select course.id
from listener.default_course_id() as course(id)
where course.id is not null;

create view listener.course_drift as
select drifted.*
from listener.drifted_counts() as drifted;

-- Students not yet in their courses, but for students set aside: empty once everything is handled. An enrollment of the
-- listener's that was removed by hand counts as meant, where the listener keeps account of its enrollments.
create view listener.wanted_missing as
select
    astray.profile_id,
    astray.course_id
from listener.astray() as astray
where
    astray.should_be in ('enrolled', 'returned')
    and not exists (
        select from listener.pending_enrollment
        where pending_enrollment.profile_id = astray.profile_id
    );

-- Blind notes to be made good now; the rest wait for transactions to end that may have begun under old names.
create view listener.due_blind_note as
select
    blind_note.xid,
    blind_note.source,
    blind_note.at
from listener.blind_note
where coalesce(blind_note.horizon <= pg_snapshot_xmin(pg_current_snapshot()), true);
