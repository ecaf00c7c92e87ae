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
