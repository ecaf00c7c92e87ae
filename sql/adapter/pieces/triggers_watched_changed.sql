-- An update is noted once a row, and only if it changes what the query reads; a TRUNCATE concerns everyone.
create trigger listener_watch_update
after update on {{watched_table}}
for each row
when (listener.is_news_of_watched_{{watched}}(old.*, new.*))
execute function listener.note_watched_{{watched}}();

create trigger listener_watch_truncate
after truncate on {{watched_table}}
for each statement execute function listener.note_truncated_watched_{{watched}}();
