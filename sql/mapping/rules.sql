-- Parts: the rule, and profiles that are not where the rule wants.

-- name: astray_joining
with wanted(profile_id, course_id) as materialized (
    {{wanted_query}}
)

select wanted.profile_id::{{profile_key_type}}, wanted.course_id::{{course_key_type}}, 'enrolled'
from wanted
where
    not exists (
        select
        from {{enrollment_table}} as enrollment
        where {{enrollment_profile:enrollment}} = wanted.profile_id
    )

-- name: astray_by_school
select distinct wanted.profile_id::{{profile_key_type}}, wanted.course_id::{{course_key_type}}, 'enrolled'
from (
    {{wanted_query}}
) as wanted(profile_id, course_id)

-- name: astray_keep
select missing.profile_id, missing.course_id, 'enrolled'
from (
    select wanted.profile_id::{{profile_key_type}}, wanted.course_id::{{course_key_type}}
    from (
        {{wanted_query}}
    ) as wanted(profile_id, course_id)
    where wanted.profile_id is not null and wanted.course_id is not null
    except
    select {{enrollment_profile:enrollment}}::{{profile_key_type}}, {{enrollment_course:enrollment}}::{{course_key_type}}
    from {{enrollment_table}} as enrollment
) as missing(profile_id, course_id)

-- name: astray_leave
with wanted as materialized (
    select distinct
        wanted.profile_id::{{profile_key_type}} as profile_id,
        wanted.course_id::{{course_key_type}} as course_id
    from (
        {{wanted_query}}
    ) as wanted(profile_id, course_id)
    where wanted.profile_id is not null and wanted.course_id is not null
),

standing as materialized (
    select
        {{enrollment_profile:enrollment}}::{{profile_key_type}} as profile_id,
        {{enrollment_course:enrollment}}::{{course_key_type}} as course_id,
        ({{is_active:enrollment}}) is true as active,
        ({{enrollment_status:enrollment}})::text = {{inactive_value}} as suspended,
        {{row_key:enrollment}} as row_key,
        {{is_single:enrollment}} as is_single
    from {{enrollment_table}} as enrollment
),

missing as (
    select wanted.profile_id, wanted.course_id from wanted
    except
    select standing.profile_id, standing.course_id from standing
    except
    -- Made by the listener, removed by a person.
    select made.profile_id, made.course_id from {{ledger}} as made where made.taken_back_at is null
),

taken_back as (
    select made.profile_id, made.course_id, made.row_key from {{ledger}} as made where made.taken_back_at is not null
),

suspended as (
    select taken_back.profile_id, taken_back.course_id, taken_back.row_key from taken_back
    intersect
    select standing.profile_id, standing.course_id, standing.row_key
    from standing
    where standing.suspended and standing.is_single
),

to_return as (
    select missing.profile_id, missing.course_id from missing
    intersect
    select taken_back.profile_id, taken_back.course_id from taken_back
    union
    (
        select suspended.profile_id, suspended.course_id from suspended
        intersect
        select wanted.profile_id, wanted.course_id from wanted
        except
        -- Enrolled by hand meanwhile, beside the suspended enrollment.
        select standing.profile_id, standing.course_id from standing where standing.active
    )
),

held as (
    select made.profile_id, made.course_id from {{ledger}} as made where made.held_since is not null
),

active as (
    select made.profile_id, made.course_id, made.row_key from {{ledger}} as made where made.taken_back_at is null
    intersect
    select standing.profile_id, standing.course_id, standing.row_key
    from standing
    where standing.active and standing.is_single
),

to_leave as (
    select active.profile_id, active.course_id from active
    except
    select wanted.profile_id, wanted.course_id from wanted
)

select to_enroll.profile_id, to_enroll.course_id, 'enrolled'
from (
    select missing.profile_id, missing.course_id from missing
    except
    select taken_back.profile_id, taken_back.course_id from taken_back
) as to_enroll
union all
select to_return.profile_id, to_return.course_id, 'returned'
from to_return
union all
select let_go.profile_id, let_go.course_id, {{left_word}}
from (
    select to_leave.profile_id, to_leave.course_id from to_leave
    except
    select held.profile_id, held.course_id from held
) as let_go
union all
-- Wanted again, or no longer ours to take back.
select kept.profile_id, kept.course_id, 'kept'
from (
    select held.profile_id, held.course_id from held
    except
    select to_leave.profile_id, to_leave.course_id from to_leave
) as kept

-- name: figures
with wanted as materialized (
    select distinct
        wanted.profile_id::{{profile_key_type}} as profile_id,
        wanted.course_id::{{course_key_type}} as course_id
    from (
        {{wanted_query}}
    ) as wanted(profile_id, course_id)
    where wanted.profile_id is not null and wanted.course_id is not null
),

standing as (
    select
        {{enrollment_profile:enrollment}}::{{profile_key_type}} as profile_id,
        {{enrollment_course:enrollment}}::{{course_key_type}} as course_id
    from {{enrollment_table}} as enrollment
)

-- No join: under no estimate is a row compared with each row of the other table.
select pair.course_id, count(*), count(*) filter (where pair.is_there)
from (
    select
        side.profile_id,
        side.course_id,
        bool_or(side.is_wanted) as is_wanted,
        bool_or(not side.is_wanted) as is_there
    from (
        select wanted.profile_id, wanted.course_id, true as is_wanted from wanted
        union all
        select standing.profile_id, standing.course_id, false from standing
    ) as side
    group by side.profile_id, side.course_id
) as pair
where pair.is_wanted
group by pair.course_id

-- name: wanted_past_errors
-- Except profiles with a failing rule.
select attempt.profile_id, attempt.course_id
from listener.wanted_of_everybody() as attempt
where attempt.error is null

-- name: wanted_at_once_or_past_errors
select at_once.profile_id::{{profile_key_type}}, at_once.course_id::{{course_key_type}}
from (
    {{wanted_query}}
) as at_once(profile_id, course_id)
where not past_errors
union all
select attempt.profile_id, attempt.course_id
from attempt
where attempt.error is null

-- name: default_course_view
select {{course_key:course}} as id
from {{course_table}} as course
where ({{is_default_course:course}}) is true
order by {{course_order:course}}
limit 1

-- name: in_only_course
select coalesce(only_course, (
    {{default_course_view}}
))

-- name: generated_query
select student.id, (
    {{default_course_view}}
)
from (
    {{student_view}}
) as student(id)

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

-- name: student_view
select {{profile_key:profile}} as id
from {{profile_table}} as profile
where {{student_condition}}

-- name: written_since
intersect
(
    {{written_since_each}}
)

-- name: written_since_each
select written.{{written_key}}::{{profile_key_type}}
from {{written_table}} as written
where age(written.xmin) <= pg_snapshot_xmax(pg_current_snapshot())::text::bigint - since::text::bigint + 1

-- name: courses_of_school
(select of_school as school) as student
inner join {{course_table}} as course on {{same_school}}

-- name: first_course_past_errors
-- Returns the first course that may be landed in, past courses with a failing rule.
for found_id in
    select {{course_key:course}}
    from {{courses}}
    order by {{course_order:course}}
loop
    begin
        if exists (
            select from {{course_table}} as course
            where case when {{course_key:course}} = found_id then ({{is_default_course:course}}) is true end
        ) then
            return found_id;
        end if;
    exception when assert_failure or others then
        problem := listener.error_text(sqlstate, sqlerrm);
    end;
end loop;
