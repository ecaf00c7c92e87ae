-- A partitioned table: a trigger for each row is cloned to every partition, now and later, and sees what is written
-- to a partition directly. One for each statement would see only what names the partitioned table itself.

create trigger listener_insert
after insert on {{student_table}}
for each row
when (({{is_student:new}}) is true)
execute function listener.note_student();

create trigger listener_update
after update on {{student_table}}
for each row
when (
    ({{is_student:new}}) is true
    and (({{is_student:old}}) is not true or {{student_key:new}} is distinct from {{student_key:old}})
)
execute function listener.note_student();
