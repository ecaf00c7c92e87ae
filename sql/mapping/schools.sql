-- Parts: the rule where several schools share a database.

-- name: students_by_profile
select {{profile_key:profile}} as id, {{tenant_column:profile}} as school
from {{profile_table}} as profile
where {{student_condition}}
{{of_a_school:profile}}

-- name: students_by_membership
select student.id, {{tenant_column:member}} as school
from (
    {{student_view}}
) as student(id)
inner join {{tenant_table}} as member on {{tenant_person:member}} = student.id
where ({{tenant_condition:member}}) is true
{{of_a_school:member}}

-- name: same_school
{{tenant_course:course}} = student.school

-- name: same_school_or_none
({{tenant_course:course}} = student.school or ({{tenant_course:course}} is null and student.school is null))

-- name: course_of_school
select {{course_key:course}} as id
from {{course_table}} as course
where ({{is_default_course:course}}) is true and {{tenant_course:course}} = student.school
order by {{course_order:course}}
limit 1

-- name: course_of_school_or_none
(
    select {{course_key:course}} as id
    from {{course_table}} as course
    where ({{is_default_course:course}}) is true and {{tenant_course:course}} = student.school
    order by {{course_order:course}}
    limit 1
)
union all
(
    select {{course_key:course}}
    from {{course_table}} as course
    where
        ({{is_default_course:course}}) is true
        and {{tenant_course:course}} is null
        and student.school is null
    order by {{course_order:course}}
    limit 1
)

-- name: may_be_landed_in
-- With a course asked for, that one.
case when only_course is null then {{is_default_course}} else {{course_key}} = only_course end

-- name: generated_by_school
-- Each school's course is looked up once. (Without the offset it would be looked up for each student.)
select
    landing.id,
    first_value(landing.course_id) over (partition by landing.school order by landing.place){{and_school:landing}}
from (
    select
        student.id,
        student.school,
        student.place,
        case
            when student.place = 1
                then (
                    {{course_of_school}}
                )
        end as course_id
    from (
        select
            member.id,
            member.school,
            row_number() over (partition by member.school order by member.id) as place
        from (
            select student.id, student.school
            from (
                {{students_by_school}}
            ) as student(id, school)
            where {{is_new_in_school}}
        ) as member
    ) as student
    offset 0
) as landing

-- name: settled_by_school
-- Each school's course is looked up once, for all of its students in the batch.
select unnest(landing.ids), landing.course_id{{and_school:landing}}
from (
    select
        student.ids,
        student.school,
        (
            {{course_of_school}}
        ) as course_id
    from (
        select array_agg(student.id) as ids, student.school
        from (
            {{students_by_school}}
        ) as student(id, school)
        where {{is_new_in_school}}
        group by student.school
    ) as student
    offset 0
) as landing

-- name: generated_by_key
select student.id, landing.id{{and_school:student}}
from (
    {{students_by_school}}
) as student(id, school)
left join lateral (
    {{course_of_school}}
) as landing(id) on true
where {{is_new_in_school}}

-- name: no_course_of_none
-- A student of no school, without a course of no school, may not have chosen a school yet, and does not wait.
select wanted.id, wanted.course_id
from (
    {{generated}}
) as wanted(id, course_id, school)
where wanted.school is not null or wanted.course_id is not null

-- name: is_new_in_school
-- Students with an enrollment in that school, of any status, are left alone.
not exists (
    select
    from {{enrollment_table}} as enrollment
    inner join {{course_table}} as course
        on {{course_key:course}} = {{enrollment_course:enrollment}}
    where {{enrollment_profile:enrollment}} = student.id and {{same_school}}
)

-- name: is_new_in_school_by_key
-- Students with an enrollment in that school, of any status, are left alone.
(
    select true
    from {{enrollment_table}} as enrollment
    inner join {{course_table}} as course
        on {{course_key:course}} = {{enrollment_course:enrollment}}
    where {{enrollment_profile:enrollment}} = student.id and {{same_school}}
    limit 1
) is null

-- name: courses_of_school
(select of_school as school) as student
inner join {{course_table}} as course on {{same_school}}
