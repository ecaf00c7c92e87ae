-- A partitioned table: a trigger for each row is cloned to every partition, now and later, and sees what is written
-- to a partition directly. One for each statement would see only what names the partitioned table itself.
create trigger listener_insert
after insert on {{student_table}}
for each row
execute function listener.note_student();

create trigger listener_update
after update on {{student_table}}
for each row
when (listener.is_news_of_student(old.*, new.*))
execute function listener.note_student();
