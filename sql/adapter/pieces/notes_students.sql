-- Triggers only take notes, with their owner's rights, so that whoever signs up needs none here. What reads the LMS's
-- columns stands in a block of its own, which writes nothing: whatever a migration has made of the columns, the
-- sign-up goes on, and the note is taken blindly. In their search_path pg_temp is named, and last: left out it would
-- come first, and a temporary type of somebody's own, named uuid or text, would have its checks run with the owner's
-- rights.
create or replace function listener.note_inserted_students() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    students {{profile_key_type}}[];
begin
    begin
        students := array(
            select {{student_key:inserted}}
            from inserted
            where ({{is_student:inserted}}) is true
        );
    exception when others then
        perform listener.note_blindly('profiles', 'insert', sqlstate);
        return null;
    end;
    if cardinality(students) = 0 then
        return null;
    end if;
    -- At most 100 to a note: a batch can be cut between notes, and a note stays within its page.
    if cardinality(students) <= 100 then
        insert into listener.change (source, operation, profile_ids)
        values ('profiles', 'insert', students);
    else
        insert into listener.change (source, operation, profile_ids)
        select 'profiles', 'insert', students[first : first + 99]
        from generate_series(1, cardinality(students), 100) as first;
    end if;
    {{ring}}
    return null;
end;
$$;

-- One row: an update that is news, or an insert into a table that is partitioned (see the triggers).
create or replace function listener.note_student() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    students {{profile_key_type}}[];
begin
    begin
        if ({{is_student:new}}) is true then
            students := array[{{student_key:new}}];
        end if;
    exception when others then
        perform listener.note_blindly('profiles', lower(tg_op), sqlstate);
        return null;
    end;
    if students is null then
        return null;
    end if;
    insert into listener.change (source, operation, profile_ids)
    values ('profiles', lower(tg_op), students);
    {{ring}}
    return null;
end;
$$;

{{is_news_of_student}}

-- Whether an update makes a student of somebody, by the columns that were changed.
create or replace function listener.is_news_of_changed_student(old_row anyelement, new_row anyelement) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    return ({{is_student:new_row}}) is true
        and (
            ({{is_student:old_row}}) is not true
            or {{student_key:new_row}} is distinct from {{student_key:old_row}}
        );
end;
$$;
