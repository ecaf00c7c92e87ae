create trigger listener_watch_insert
after insert on {{watched_table}}
referencing new table as inserted
for each statement execute function listener.note_inserted_watched_{{watched}}();

create trigger listener_watch_delete
after delete on {{watched_table}}
referencing old table as deleted
for each statement execute function listener.note_deleted_watched_{{watched}}();

create trigger listener_watch_update
after update on {{watched_table}}
for each row
when (listener.is_news_of_watched_{{watched}}(old.*, new.*))
execute function listener.note_watched_{{watched}}();

create trigger listener_watch_truncate
after truncate on {{watched_table}}
for each statement execute function listener.note_truncated_watched_{{watched}}();
