-- Every course's count as of this instant, counted.
create view listener.course_live_count as
select
    course.id,
    count(enrollment.course_id) as active_enrollments
from listener.course
left join (
    select {{enrollment_course:enrollment}} as course_id
    from {{enrollment_table}} as enrollment
    where ({{is_counted:enrollment}}) is true
) as enrollment on enrollment.course_id = course.id
group by course.id;
