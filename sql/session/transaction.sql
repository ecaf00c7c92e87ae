-- What session.sql sets, for one transaction: behind a transaction pooler there is no session of our own.
set local plan_cache_mode = force_generic_plan;
set local enable_seqscan = off;
set local enable_bitmapscan = off;
set local enable_hashjoin = off;
set local enable_mergejoin = off;
set local enable_material = off;
set local jit = off;
set local lock_timeout = '100ms';
set local statement_timeout = 0;
set local idle_in_transaction_session_timeout = '60s';
set local synchronous_commit = off;
