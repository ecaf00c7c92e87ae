-- Parts: counted enrollments, and the repair of a count.

-- name: active_per_course
active_per_course as (
    select
        {{enrollment_course:enrollment}} as course_id,
        count(*) as active
    from {{enrollment_table}} as enrollment
    where ({{is_counted:enrollment}}) is true
    group by {{enrollment_course:enrollment}}
)

-- name: count_repair
if repair_count.count_column = {{count_column_name}} then
    with moved as (
        update {{course_table}} as course
        set {{count_column}} = coalesce(course.{{count_column}}, 0) + repair_count.drift
        where {{course_key:course}} = repair_count.off_course_id
        returning true as is_done
    )
    select moved.is_done
    from moved
    where {{by_lms_path}}
    into is_moved;
    {{own_path_again}}
    return true;
end if;
