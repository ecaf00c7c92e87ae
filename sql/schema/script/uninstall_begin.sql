begin;

set local lock_timeout = '200ms';
set local search_path = pg_catalog, pg_temp;
