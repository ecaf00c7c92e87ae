-- A view as Postgres has understood it: its definition with all names qualified, and its parse tree.
select
    pg_get_viewdef(rewrite.ev_class) as definition,
    rewrite.ev_action::text as tree
from pg_catalog.pg_rewrite as rewrite
where rewrite.ev_class = 'pg_temp.listener_expression'::regclass
