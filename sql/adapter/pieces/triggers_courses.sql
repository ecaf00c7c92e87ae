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
when (listener.is_news_of_course(old.*, new.*))
execute function listener.note_updated_course();

create trigger listener_truncate
before truncate on {{course_table}}
for each statement execute function listener.note_truncated_courses();
