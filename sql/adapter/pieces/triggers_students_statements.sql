-- INSERT is noted once a statement, with all of its rows; an UPDATE once a row, and only if it changes what matters
-- here. The condition names no column: a trigger that did would keep its column from being altered or dropped.
create trigger listener_insert
after insert on {{student_table}}
referencing new table as inserted
for each statement execute function listener.note_inserted_students();

create trigger listener_update
after update on {{student_table}}
for each row
when (listener.is_news_of_student(old.*, new.*))
execute function listener.note_student();
