-- However the caller's session is tuned: the query may look something up for each profile, which only a nested loop does by
-- an index.
set enable_nestloop = on
set enable_hashjoin = on
set enable_mergejoin = on
set enable_material = on
set enable_bitmapscan = on
