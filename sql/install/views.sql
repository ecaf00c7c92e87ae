-- The adapter: the LMS's own tables under fixed names. Nothing else in this schema, nor in the daemon,
-- knows what the LMS calls its tables and columns. A schema too exotic for the settings can be attached
-- by writing these views by hand.

-- Who is a student now.
create view listener.student as
select {{profile_key:profile}} as id
from {{profile_table}} as profile
where {{student_condition}};

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
create view listener.default_course as
select {{course_key:course}} as id
from {{course_table}} as course
where ({{is_default_course:course}}) is true
order by {{course_order:course}}
limit 1;
