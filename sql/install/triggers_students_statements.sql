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
execute function listener.note_student();
