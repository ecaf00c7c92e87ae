-- Makes the enrollments of these profiles what they should be: of the students among them, whoever has none lands in the
-- default course. Returns what came of it, for each of whom there is something to say: that it was enrolled, or why it
-- has to wait. With `singly`, an error is the answer for one student, not the end of the batch.
create or replace function listener.settle(profile_ids {{profile_key_type}}[], singly boolean default false)
returns table (
    profile_id {{profile_key_type}}, course_id {{course_key_type}}, done text, waits_for text, error text
)
language plpgsql as $$
#variable_conflict use_column
declare
    student_ids {{profile_key_type}}[];
    destination_id {{course_key_type}};
    open_course_id {{course_key_type}};
begin
    student_ids := array(select student.id from listener.students(profile_ids) as student(id) order by student.id);
    if cardinality(student_ids) = 0 then
        return;
    end if;
    destination_id := listener.default_course_id();
    -- The course's row is locked as its foreign key would lock it, but without waiting for whoever holds it.
    open_course_id := listener.hold_course(destination_id);
    if open_course_id is null then
        return query
        select
            unenrolled.id,
            null::{{course_key_type}},
            null::text,
            case when destination_id is null then 'no_course' else 'course_locked' end,
            null::text
        from listener.unenrolled(student_ids) as unenrolled(id);
    elsif singly then
        return query
        select
            unenrolled.id,
            open_course_id,
            case when attempt.enrolled then 'enrolled' end,
            case when attempt.error is not null then 'failed' end,
            attempt.error
        from listener.unenrolled(student_ids) as unenrolled(id)
        cross join lateral listener.try_enroll(
            unenrolled.id, open_course_id, statement_timestamp() + interval '1 second'
        ) as attempt;
    else
        return query
        select enrolled.id, open_course_id, 'enrolled', null::text, null::text
        from listener.enroll(student_ids, open_course_id) as enrolled(id);
    end if;
end;
$$;
