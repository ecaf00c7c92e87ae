-- A course row brings its count along, and takes it away: the opposite delta keeps the sum of rows and feed
-- equal to the number of active enrollments. The note without a delta wakes students who wait for a course.
create or replace function listener.note_inserted_courses() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    course_ids {{course_key_type}}[];
    deltas bigint[];
begin
    begin
        select array_agg({{course_key:inserted}}), array_agg(-{{course_count:inserted}})
        into course_ids, deltas
        from inserted
        where {{course_count:inserted}} <> 0;
    exception when others then
        perform listener.note_blindly('courses', 'insert', sqlstate);
    end;
    insert into listener.change (source, operation, course_id, delta)
    select 'courses', 'insert', came.course_id, came.delta
    from unnest(course_ids, deltas) as came(course_id, delta);
    insert into listener.change (source, operation) values ('courses', 'insert');
    {{ring}}
    return null;
end;
$$;

create or replace function listener.note_deleted_courses() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    course_ids {{course_key_type}}[];
    deltas bigint[];
begin{{ledger_follows_deleted_courses}}
    begin
        select array_agg({{course_key:deleted}}), array_agg({{course_count:deleted}})
        into course_ids, deltas
        from deleted
        where {{course_count:deleted}} <> 0;
    exception when others then
        perform listener.note_blindly('courses', 'delete', sqlstate);
    end;
    {{note_deltas_of_courses}}
end;
$$;

create or replace function listener.note_truncated_courses() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    course_ids {{course_key_type}}[];
    deltas bigint[];
begin{{ledger_follows_truncated_courses}}
    begin
        execute
            $gone$
            select array_agg({{course_key:course}}), array_agg({{course_count:course}})
            from $gone$ || tg_relid::regclass || $gone$ as course
            where {{course_count:course}} <> 0
            $gone$
        into course_ids, deltas;
    exception when others then
        perform listener.note_blindly('courses', 'truncate', sqlstate);
    end;
    {{note_deltas_of_courses}}
end;
$$;

-- A course became available, or its key changed and its count moved along with it.
create or replace function listener.note_updated_course() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    course_ids {{course_key_type}}[];
    deltas bigint[];
begin{{ledger_follows_updated_courses}}
    begin
        if {{course_key:new}} is distinct from {{course_key:old}} then
            course_ids := array[{{course_key:old}}, {{course_key:new}}];
            deltas := array[{{course_count:old}}, -{{course_count:new}}];
        end if;
    exception when others then
        perform listener.note_blindly('courses', 'update', sqlstate);
    end;
    insert into listener.change (source, operation, course_id, delta)
    select 'courses', 'update', moved.course_id, moved.delta
    from unnest(course_ids, deltas) as moved(course_id, delta)
    where moved.delta <> 0;
    insert into listener.change (source, operation) values ('courses', 'update');
    {{ring}}
    return null;
end;
$$;
