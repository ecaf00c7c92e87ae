create trigger listener_watch_insert
after insert on {{watched_table}}
for each row execute function listener.note_watched_{{watched}}();

create trigger listener_watch_delete
after delete on {{watched_table}}
for each row execute function listener.note_watched_{{watched}}();

{{triggers_watched_changed}}
