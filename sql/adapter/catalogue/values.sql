-- The most common values of a column, as the planner's statistics know them.
select unnest(pg_stats.most_common_vals::text::text[]) as value
from pg_catalog.pg_stats
where pg_stats.schemaname = $1 and pg_stats.tablename = $2 and pg_stats.attname = $3
