-- Every course's count as of this instant, counted.
create view listener.course_live_count as
select
    course.id,
    course.active_enrollments
from listener.counted_courses() as course;
