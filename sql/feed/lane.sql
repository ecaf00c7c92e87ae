-- Whether there is something fresh for a consumer ($1) since its last look ($2, or null), that weighs no more than $3; and the
-- snapshot of this look, of which the next one is to be told.
select
    exists (select from listener.fresh($1, ($2::text)::pg_snapshot, $3)) as is_fresh,
    listener.seen(pg_current_snapshot())::text as looked
