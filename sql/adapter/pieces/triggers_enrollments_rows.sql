-- A partitioned table: a trigger for each row is cloned to every partition, now and later, and sees what is written
-- to a partition directly. One for each statement would see only what names the partitioned table itself.
create trigger listener_insert
after insert on {{enrollment_table}}
for each row
execute function listener.note_enrollment();

create trigger listener_delete
after delete on {{enrollment_table}}
for each row
execute function listener.note_enrollment();

create trigger listener_update
after update on {{enrollment_table}}
for each row
when (listener.is_news_of_enrollment(old.*, new.*))
execute function listener.note_enrollment();

create trigger listener_truncate
before truncate on {{enrollment_table}}
for each statement execute function listener.note_truncated_enrollments();
