-- The triggers on the LMS's tables, a trigger for each operation. INSERT and DELETE are noted once a statement, with
-- all rows; an UPDATE once a row, and only if a column that matters has changed. The trigger's function looks for
-- changes: a condition (WHEN) that named a column would keep that column from being altered or dropped, and a condition
-- over the whole row would compute virtual columns, which may fail outside of any block.

-- name: insert
create trigger {{trigger}}
after insert on {{table}}
referencing new table as written
for each statement execute function listener.{{function}}();

-- name: delete
create trigger {{trigger}}
after delete on {{table}}
referencing old table as written
for each statement execute function listener.{{function}}();

-- name: row
create trigger {{trigger}}
after {{operation}} on {{table}}
for each row execute function listener.{{function}}();

-- name: before_truncate
create trigger {{trigger}}
before truncate on {{table}}
for each statement execute function listener.{{function}}();

-- name: after_truncate
create trigger {{trigger}}
after truncate on {{table}}
for each statement execute function listener.{{function}}();
