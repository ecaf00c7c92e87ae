-- A course that an UPDATE moves to another partition is deleted there, and inserted here: it is noted as one that was updated.
-- (Its key goes from the one trigger to the other in a setting, which may be anybody's: nothing is taken from a course that is
-- there still, unless the same statement has moved another course to that key.)
create or replace function listener.note_moved_course() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    left_course_id {{course_key_type}};
    left_count bigint;
    is_able boolean := false;
begin
    if current_setting('listener.moving', true) is distinct from 'on' then
        return null;
    end if;
    begin
        {{able}}
        is_able := true;
        if tg_op = 'DELETE' then
            perform set_config(
                'listener.moved_from', json_build_array({{course_key:old}}::text, {{course_count:old}})::text, true
            );
            return null;
        end if;
        left_course_id := (current_setting('listener.moved_from')::json ->> 0)::{{course_key_type}};
        left_count := (current_setting('listener.moved_from')::json ->> 1)::bigint;
        if
            {{course_key:new}} is distinct from left_course_id
            and not exists (
                select
                from {{course_table}} as course
                where
                    {{course_key:course}} = left_course_id
                    and not exists (
                        select
                        from {{course_table}} as moved
                        where {{course_key:moved}} = {{course_key:new}} and moved.xmin = course.xmin and moved.cmin = course.cmin
                    )
            )
        then
            perform listener.follow_key('course', left_course_id, {{course_key:new}}::{{course_key_type}});
            --: if counts_in_courses
            insert into listener.change (source, operation, course_id, delta)
            select 'courses', 'update', moved.course_id, moved.delta
            from (
                values (left_course_id, left_count), ({{course_key:new}}, -({{course_count:new}}))
            ) as moved(course_id, delta)
            where moved.delta <> 0;
            --: else
            with lost as (
                delete from listener.course_count
                where course_count.course_id = left_course_id
                returning course_count.course_id, course_count.active_enrollments
            )
            insert into listener.change (source, operation, course_id, delta)
            select 'courses', 'update', lost.course_id, lost.active_enrollments
            from lost
            where lost.active_enrollments <> 0;
            --: end
        end if;
    exception when assert_failure or others then
        {{blindly_courses}}
    end;
    if not is_able then
        return null;
    end if;
    insert into listener.change (source, operation) values ('courses', 'update');
    {{ring}}
    return null;
end;
$$;
