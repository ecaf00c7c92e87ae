-- What every peer's handler runs: the students of its jobs are enrolled, and the course moves by those who were new.
with enrolled as (
    insert into enrollments (user_id, course_id)
    select student, '00000000-0000-0000-0000-000000000001' from unnest($1::uuid[]) as student
    on conflict do nothing
    returning id
),
made as (select count(*) as enrollments from enrolled)
update courses
set enrollments = courses.enrollments + made.enrollments, students = courses.students + made.enrollments
from made
where courses.id = '00000000-0000-0000-0000-000000000001' and made.enrollments > 0;
