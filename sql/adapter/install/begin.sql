-- All that `listener install` runs: the whole of it, or nothing. It adds schema listener, triggers named listener_* on
-- the LMS's tables and two things to query beside them, and writes to no row of the LMS's. The text is for the
-- database as it was when it was printed: print it anew to run it again. `listener uninstall` takes all of it away.
begin;

-- Whoever signs up waits behind us no longer than this for a table's lock. If this fails, run it again.
set local lock_timeout = '{{lock_milliseconds}}ms';

-- Nobody's function or operator in another schema may stand in for one of Postgres's own.
set local search_path = pg_catalog, pg_temp;
set local client_min_messages = warning;
