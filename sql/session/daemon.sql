-- What a daemon's session is set to, besides what few_rows.sql says.

-- A daemon that has vanished keeps its locks no longer than this (10 + 3 * 5 s).
set tcp_keepalives_idle = 10;
set tcp_keepalives_interval = 5;
set tcp_keepalives_count = 3;
set tcp_user_timeout = 20000;

-- Whatever the role or the database sets for others: each statement sees what is committed when it begins, and a daemon
-- that sleeps is not an idle client.
set default_transaction_isolation = 'read committed';
select set_config(name, '0', false)
from pg_catalog.pg_settings
where name = 'idle_session_timeout';

-- A daemon that has died in the middle of a statement is noticed before its end. (Elsewhere it may not be set.)
select set_config(name, '1000', false)
from pg_catalog.pg_settings
where name = 'client_connection_check_interval' and version() ~ 'linux';

-- Nobody's function or operator in another schema may stand in for one of Postgres's own.
set search_path = pg_catalog, pg_temp;
