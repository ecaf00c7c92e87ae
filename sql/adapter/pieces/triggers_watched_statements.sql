create trigger listener_watch_insert
after insert on {{watched_table}}
referencing new table as inserted
for each statement execute function listener.note_inserted_watched_{{watched}}();

create trigger listener_watch_delete
after delete on {{watched_table}}
referencing old table as deleted
for each statement execute function listener.note_deleted_watched_{{watched}}();

{{triggers_watched_changed}}
