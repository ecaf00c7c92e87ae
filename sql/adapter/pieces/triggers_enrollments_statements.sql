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
when (listener.is_news_of_enrollment(old.*, new.*))
execute function listener.note_enrollment();

create trigger listener_truncate
before truncate on {{enrollment_table}}
for each statement execute function listener.note_truncated_enrollments();
