-- A course row brings a count along, and takes the count away: the opposite delta keeps the sum of rows and feed equal
-- to the number of enrollments that count. The note of a new course, without a delta, wakes students who wait for a course.
--: if counts_in_courses
-- A TRUNCATE is noted before the rows are gone.
--: else
-- Counts are kept here, because the LMS has no column for counts (or the column may not be written): a course's row here
-- comes with the first count, and goes with the course.
--: end
create or replace function listener.note_written_courses() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    course_ids {{course_key_type}}[];
    --: if counts_in_courses
    sign constant bigint := case tg_op when 'INSERT' then -1 else 1 end;
    deltas bigint[];
    --: end
    is_able boolean := false;
begin
    {{ledger_of_written_courses}}
    begin
        {{able}}
        --: if counts_in_courses
        is_able := true;
        if tg_op = 'TRUNCATE' then
            perform listener.expect(tg_relid::regclass::text, tg_relid, {{courses_owner}});
            execute
                $gone$
                select array_agg({{course_key:written}}), array_agg({{course_count:written}})
                from $gone$ || tg_relid::regclass || $gone$ as written
                where {{course_count:written}} <> 0
                $gone$
            into course_ids, deltas;
        else
            select array_agg({{course_key:written}}), array_agg(sign * {{course_count:written}})
            into course_ids, deltas
            from written
            where {{course_count:written}} <> 0;
        end if;
        --: else
        {{able_to_forget_counts}}
        if tg_op = 'DELETE' then
            course_ids := array(select {{course_key:written}} from written);
        end if;
        is_able := true;
        --: end
    exception when assert_failure or others then
        {{blindly_courses}}
    end;
    if not is_able then
        return null;
    end if;
    --: if counts_in_courses
    insert into listener.change (source, operation, course_id, delta)
    select 'courses', lower(tg_op), noted.course_id, noted.delta
    from unnest(course_ids, deltas) as noted(course_id, delta);
    if tg_op = 'INSERT' then
        insert into listener.change (source, operation) values ('courses', 'insert');
    elsif course_ids is null then
        return null;
    end if;
    --: else
    if tg_op = 'INSERT' then
        insert into listener.change (source, operation) values ('courses', 'insert');
    else
        if tg_op = 'TRUNCATE' then
            course_ids := array(select course_count.course_id from listener.course_count);
        end if;
        {{note_forgotten_counts}}
        if not found then
            return null;
        end if;
    end if;
    --: end
    {{ring}}
    return null;
end;
$$;

-- An update is news if a course became available, or has other seats, or has another key: the count moves along with
-- the key; a count that is kept here begins from nothing, and notes of the enrollments fill it. Most updates leave the
-- columns concerned unchanged, byte for byte; to find that needs no operator.
create or replace function listener.note_updated_course() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    course_ids {{course_key_type}}[];
    --: if counts_in_courses
    deltas bigint[];
    --: end
    is_able boolean := false;
begin
    begin
        {{able}}
        --: unless counts_in_courses
        {{able_to_forget_counts}}
        --: end
        is_able := true;
        if {{course_key:new}} is distinct from {{course_key:old}} then
            --: if counts_in_courses
            course_ids := array[{{course_key:old}}, {{course_key:new}}];
            deltas := array[{{course_count:old}}, -{{course_count:new}}];
            --: else
            course_ids := array[{{course_key:old}}];
            --: end
        elsif {{untouched_course}} or not (
            (({{is_default_course:new}}) is true and ({{is_default_course:old}}) is not true)
            {{or_other_school}}
            or ({{course_seats:new}}) is distinct from ({{course_seats:old}})
        ) then
            return null;
        end if;
    exception when assert_failure or others then
        {{blindly_courses}}
    end;
    {{follows_updated_course}}
    if not is_able then
        return null;
    end if;
    --: if counts_in_courses
    insert into listener.change (source, operation, course_id, delta)
    select 'courses', 'update', moved.course_id, moved.delta
    from unnest(course_ids, deltas) as moved(course_id, delta)
    where moved.delta <> 0;
    --: else
    {{note_forgotten_counts}}
    --: end
    insert into listener.change (source, operation) values ('courses', 'update');
    {{ring}}
    return null;
end;
$$;
