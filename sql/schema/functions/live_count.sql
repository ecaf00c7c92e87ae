-- Every course's count as of this instant: the count in the row, and deltas on their way.
create view listener.course_live_count as
select
    course.id,
    (course.active_enrollments + coalesce(count_on_its_way.delta, 0))::bigint as active_enrollments
from listener.courses() as course
left join listener.count_on_its_way on course.id = count_on_its_way.course_id;
