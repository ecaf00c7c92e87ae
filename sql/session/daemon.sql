-- The daemon's statements touch few rows, by key, whatever the tables have grown to: no plan that reads a whole
-- table or index may ever look cheaper. Planning once is enough, compiling never pays.
set plan_cache_mode = force_generic_plan;
set enable_seqscan = off;
set enable_bitmapscan = off;
set enable_hashjoin = off;
set enable_mergejoin = off;
set enable_material = off;
set jit = off;

-- A lock that somebody holds is a reason to set a student aside, not to wait.
set lock_timeout = '100ms';
set idle_in_transaction_session_timeout = '60s';

-- A batch that a crash takes back is taken back with its checkpoint, and applied again: nothing waits for the disk.
set synchronous_commit = off;

-- A daemon that has vanished keeps its locks no longer than this (10 + 3 * 5 s).
set tcp_keepalives_idle = 10;
set tcp_keepalives_interval = 5;
set tcp_keepalives_count = 3;
set tcp_user_timeout = 20000;

-- Whatever the role or the database sets for others: each statement sees what is committed when it begins, may
-- take its time (the daemon has a limit of its own), and a daemon that sleeps is not an idle client.
set default_transaction_isolation = 'read committed';
set statement_timeout = 0;
select set_config(name, '0', false)
from pg_catalog.pg_settings
where name = 'idle_session_timeout';

-- A daemon that has died in the middle of a statement is noticed before its end. (Elsewhere it may not be set.)
select set_config(name, '1000', false)
from pg_catalog.pg_settings
where name = 'client_connection_check_interval' and version() ~ 'linux';

-- Nobody's function or operator in another schema may stand in for one of Postgres's own.
set search_path = pg_catalog, pg_temp;
