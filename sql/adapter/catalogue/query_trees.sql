-- The parse trees of the query that was given to try, and of the views that it reads.
with recursive
{{read_view}}

select rewrite.ev_action::text as tree
from read_view
inner join pg_catalog.pg_rewrite as rewrite on rewrite.ev_class = read_view.oid
