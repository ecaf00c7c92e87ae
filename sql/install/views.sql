-- The adapter: the LMS's own tables under fixed names. Nothing else in this schema, nor in the daemon,
-- knows what the LMS calls its tables and columns. A schema too exotic for the settings can be attached
-- by writing these views by hand.

-- Who is a student now.
create view listener.student as
select {{student_key:profile}} as id
from {{student_table}} as profile
where ({{is_student:profile}}) is true;

-- Every enrollment, of any status.
create view listener.enrollment as
select
    {{enrollment_profile:enrollment}} as profile_id,
    {{enrollment_course:enrollment}} as course_id,
    {{enrollment_status:enrollment}} as status{{enrollment_extra_columns}}
from {{enrollment_table}} as enrollment;

{{enrollment_defaults}}

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
order by {{course_order}}
limit 1;

-- Every course's count as of this instant: what its row says, and what is still on its way.
create view listener.course_live_count as
with delta_on_its_way as (
    select
        unhandled.course_id,
        unhandled.delta
    from listener.unhandled('count') as unhandled
    where unhandled.delta is not null
    union all
    select
        pending_count.course_id,
        pending_count.delta
    from listener.pending_count
),

delta_per_course as (
    select
        delta_on_its_way.course_id,
        sum(delta_on_its_way.delta) as delta
    from delta_on_its_way
    group by delta_on_its_way.course_id
)

select
    course.id,
    (coalesce(course.active_enrollments, 0) + coalesce(delta_per_course.delta, 0))::bigint as active_enrollments
from listener.course
left join delta_per_course on course.id = delta_per_course.course_id;
