-- INSERT and DELETE are noted once a statement, with all of its rows; an UPDATE once a row, and only if it
-- changes what matters here. The conditions name no columns to watch: a BEFORE trigger of the LMS may change
-- a column that the statement does not name.

create trigger listener_insert
after insert on {{student_table}}
referencing new table as inserted
for each statement execute function listener.note_inserted_students();

create trigger listener_update
after update on {{student_table}}
for each row
when (
    ({{is_student:new}}) is true
    and (({{is_student:old}}) is not true or {{student_key:new}} is distinct from {{student_key:old}})
)
execute function listener.note_updated_student();

create trigger listener_insert
after insert on {{enrollment_table}}
referencing new table as inserted
for each statement execute function listener.note_inserted_enrollments();

create trigger listener_delete
after delete on {{enrollment_table}}
referencing old table as deleted
for each statement execute function listener.note_deleted_enrollments();

create trigger listener_update
after update on {{enrollment_table}}
for each row
when (
    (({{is_active:new}}) is true) is distinct from (({{is_active:old}}) is true)
    or {{enrollment_course:new}} is distinct from {{enrollment_course:old}}
)
execute function listener.note_updated_enrollment();

create trigger listener_truncate
before truncate on {{enrollment_table}}
for each statement execute function listener.note_truncated_enrollments();

create trigger listener_insert
after insert on {{course_table}}
referencing new table as inserted
for each statement execute function listener.note_inserted_courses();

create trigger listener_delete
after delete on {{course_table}}
referencing old table as deleted
for each statement execute function listener.note_deleted_courses();

create trigger listener_update
after update on {{course_table}}
for each row
when (
    (({{is_default_course:new}}) is true and ({{is_default_course:old}}) is not true)
    or {{course_key:new}} is distinct from {{course_key:old}}
)
execute function listener.note_updated_course();

create trigger listener_truncate
before truncate on {{course_table}}
for each statement execute function listener.note_truncated_courses();
