-- For a transaction that reads tables as a whole, and runs a query of somebody else's: it may look something up for each
-- row, which only a nested loop does by an index.
set local enable_nestloop = on;
