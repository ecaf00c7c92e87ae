-- The adapter: the LMS's own tables under fixed names. Nothing else in this schema, nor in the daemon,
-- knows what the LMS calls its tables and columns. Who is a student, and where students land, can be
-- queries written by hand, where no rule would do.

-- Who is a student now.
create view listener.student (id) as
{{student_view}};

-- Every enrollment, of any status.
create view listener.enrollment as
select
    {{enrollment_profile:enrollment}} as profile_id,
    {{enrollment_course:enrollment}} as course_id,
    {{enrollment_status:enrollment}} as status{{enrollment_extra_columns}}
from {{enrollment_table}} as enrollment;

{{enrollment_default}}

create view listener.course as
select
    {{course_key:course}} as id,
    {{course_price:course}} as price,
    ({{is_available:course}}) is true as available,
    {{course_count:course}} as active_enrollments
from {{course_table}} as course;

-- Where a new student lands: one row, or none while there is no course to be had.
create view listener.default_course (id) as
{{default_course_view}};
