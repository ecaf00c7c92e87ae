-- For statements that touch few rows, by key, whatever the tables have grown to: no plan that reads a whole table or index
-- may ever look cheaper. Planning once is enough, compiling never pays. (For a session, or for one transaction: behind a
-- transaction pooler there is no session of our own.)
set {{scope}} plan_cache_mode = force_generic_plan;
set {{scope}} enable_seqscan = off;
set {{scope}} enable_bitmapscan = off;
set {{scope}} enable_hashjoin = off;
set {{scope}} enable_mergejoin = off;
set {{scope}} enable_material = off;
set {{scope}} jit = off;

-- A lock that somebody holds is a reason to set a student aside, not to wait.
set {{scope}} lock_timeout = '100ms';
set {{scope}} idle_in_transaction_session_timeout = '60s';

-- A batch that a crash takes back is taken back with its checkpoint, and applied again: nothing waits for the disk, unless
-- somebody acts outside the database on what a batch has written (LISTENER_DURABLE).
set {{scope}} synchronous_commit = {{synchronous_commit}};

-- A trigger on the LMS's tables may ask whether it is the listener that writes.
set {{scope}} listener.at_work = on;

-- A statement may take its time, whatever the role or the database sets for others: the daemon has a limit of its own.
set {{scope}} statement_timeout = 0;
