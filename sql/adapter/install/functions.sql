-- One student, one savepoint: an error is an answer here, not the end of the batch. Past `give_up_at`
-- nothing is tried any more, so that a transaction stays short however many students have to wait for locks.
create or replace function listener.try_enroll(
    student_id {{profile_key_type}}, default_course_id {{course_key_type}}, give_up_at timestamptz,
    out enrolled boolean, out error text
)
language plpgsql as $$
begin
    enrolled := false;
    if clock_timestamp() > give_up_at then
        error := 'put off: others before it took too long';
        return;
    end if;
    perform listener.enroll(array[student_id], default_course_id);
    enrolled := found;
exception when others then
    enrolled := false;
    error := sqlstate || ': ' || sqlerrm;
end;
$$;

-- Moves one course's count, where the LMS's own triggers or checks may refuse: an error is an answer here, too.
create or replace function listener.try_move_count(moved_course_id {{course_key_type}}, delta bigint)
returns text
language plpgsql as $$
begin
    perform from listener.move_counts(array[moved_course_id], array[delta]);
    return null;
exception when others then
    return sqlstate || ': ' || sqlerrm;
end;
$$;

-- Whether there is a course to be had, for figures that must not fail.
create or replace function listener.has_default_course()
returns boolean
language plpgsql stable as $$
begin
    return listener.default_course_id() is not null;
exception when others then
    return false;
end;
$$;
