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
    return is_moved is not null;
end if;

-- name: able_to_forget_counts
if not has_table_privilege('listener.course_count'::regclass::oid, 'delete') then
    raise insufficient_privilege;
end if;

-- name: note_forgotten_counts
with lost as (
    delete from listener.course_count
    where course_count.course_id = any (course_ids)
    returning course_count.course_id, course_count.active_enrollments
)
insert into listener.change (source, operation, course_id, delta)
select 'courses', lower(tg_op), lost.course_id, lost.active_enrollments
from lost
where lost.active_enrollments <> 0;
