-- Settings of sessions and transactions.

-- name: first
-- The first statement of a session, if its pid is $1: otherwise a pooler stands between, and may share the session out.
-- $2 is the path, $3 are time limits by name, of which this version may lack some. (Operators are qualified: the path
-- is not known before.)
select
    pg_catalog.current_setting('search_path'),
    case
        when pg_catalog.pg_backend_pid() operator(pg_catalog.=) $1::pg_catalog.int4
            then pg_catalog.set_config('search_path', $2::pg_catalog.text, false)
    end,
    case
        when pg_catalog.pg_backend_pid() operator(pg_catalog.=) $1::pg_catalog.int4
            then (
                select pg_catalog.count(pg_catalog.set_config(ours.name, ours.value, false))
                from pg_catalog.json_each_text($3::pg_catalog.text::pg_catalog.json) as ours(name, value)
                inner join pg_catalog.pg_settings as known on known.name operator(pg_catalog.=) ours.name
            )
    end,
    -- The LMS's times without a zone are in that of the database, if it has one, whatever this role's own is.
    case
        when pg_catalog.pg_backend_pid() operator(pg_catalog.=) $1::pg_catalog.int4
            then (
                select pg_catalog.set_config('TimeZone', pg_catalog.substr(zone.setting, 10), false)
                from pg_catalog.pg_db_role_setting as own
                cross join lateral pg_catalog.unnest(own.setconfig) as zone(setting)
                inner join pg_catalog.pg_settings as known on known.name operator(pg_catalog.=) 'TimeZone'
                where
                    own.setdatabase operator(pg_catalog.=) (
                        select pg_database.oid
                        from pg_catalog.pg_database
                        where pg_database.datname operator(pg_catalog.=) pg_catalog.current_database()
                    )
                    and own.setrole operator(pg_catalog.=) 0::pg_catalog.oid
                    and pg_catalog.lower(zone.setting) operator(pg_catalog.~~) 'timezone=%'
                    and known.source operator(pg_catalog.~) 'user'
            )
    end;

-- name: few_rows
-- For statements that touch few rows, by key, however large the tables: no plan that reads a whole table or index may
-- ever look cheaper. Planning once is enough, compiling never pays. (For a session, or for one transaction: behind a
-- transaction pooler there is no session of our own.)
set {{scope}} plan_cache_mode = force_generic_plan;
set {{scope}} enable_seqscan = off;
set {{scope}} enable_bitmapscan = off;
set {{scope}} enable_hashjoin = off;
set {{scope}} enable_mergejoin = off;
set {{scope}} enable_material = off;
set {{scope}} jit = off;

-- A held lock is a reason to set a student aside, not to wait.
set {{scope}} lock_timeout = '100ms';
set {{scope}} idle_in_transaction_session_timeout = '60s';

-- A batch that a crash takes back is taken back with the checkpoint, and applied again: nothing waits for the disk,
-- unless the LMS acts outside the database on a batch's writes (LISTENER_DURABLE).
set {{scope}} synchronous_commit = {{synchronous_commit}};

-- A trigger on the LMS's tables may ask whether the listener writes.
set {{scope}} listener.at_work = on;

-- A statement may be slow, under any limits of the role or the database: the daemon has a limit of its own.
set {{scope}} statement_timeout = 0;

-- Warnings of the LMS's triggers have no reader; and a text that is no UTF-8, in a database of no encoding, would be an
-- error.
set {{scope}} client_min_messages = error;

-- name: daemon
-- Settings of a daemon's session, besides `few_rows`.

-- A vanished daemon keeps its locks no longer than this (10 + 3 * 5 s).
set tcp_keepalives_idle = 10;
set tcp_keepalives_interval = 5;
set tcp_keepalives_count = 3;
set tcp_user_timeout = 20000;

-- Under any settings of the role or the database: each statement sees rows committed before the statement began, a
-- sleeping daemon is not an idle client (14 and later), and a transaction may be as slow as a statement (17 and later).
-- (Behind a session pooler the first statement has set none of this.)
set default_transaction_isolation = 'read committed';
select set_config(name, '0', false)
from pg_catalog.pg_settings
where name in ('idle_session_timeout', 'transaction_timeout');

-- No function or operator in another schema may stand in for Postgres's own.
set search_path = pg_catalog, pg_temp;

-- name: vanished
-- A client that has died in the middle of a statement, or of a wait for a lock, is noticed before the statement ends
-- (14 and later). (On other systems the setting may not be set.)
select pg_catalog.set_config('client_connection_check_interval', '1000', {{is_local}})
where
    pg_catalog.current_setting('client_connection_check_interval', true) is not null
    and pg_catalog.version() operator(pg_catalog.~) 'linux';

-- name: whole_tables
-- For one transaction that reads tables as a whole: under any settings of the session, and with statistics of any age.
-- (Where a table is believed to be empty, a nested loop looks as cheap as any join.)
set local enable_seqscan = on;
set local enable_bitmapscan = on;
set local enable_hashjoin = on;
set local enable_mergejoin = on;
set local enable_material = on;
set local enable_nestloop = off;
set local plan_cache_mode = auto;
-- Up to version 17 a method that is off counts as a cost beyond all bounds, for which every plan would be compiled: that
-- takes seconds.
set local jit = off;
