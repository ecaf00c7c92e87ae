-- The built-in rule as a single query, for people to copy and change.

-- name: one_school
select student.id, course.id
from (
    {{student_view}}
) as student(id)
cross join lateral (
    {{default_course_view}}
) as course(id)
-- Students with an enrollment, of any status, are left alone.
where not exists (
    select from {{enrollment_table}} as enrollment
    where {{enrollment_profile:enrollment}} = student.id
)

-- name: by_school
select student.id, landing.id
from (
    {{students_by_school}}
) as student(id, school)
cross join lateral (
    {{course_of_school}}
) as landing(id)
-- Students with an enrollment in that school, of any status, are left alone.
where not exists (
    select from {{enrollment_table}} as enrollment
    inner join {{course_table}} as course on {{course_key:course}} = {{enrollment_course:enrollment}}
    where {{enrollment_profile:enrollment}} = student.id and {{same_school}}
)
