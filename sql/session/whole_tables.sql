-- For one transaction that reads tables as a whole: whatever the session is tuned for, and however old the statistics
-- are. (Where a table is believed to be empty, a nested loop looks as cheap as any join.)
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
