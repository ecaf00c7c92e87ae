-- The query that was given to try, and the views that it reads.
read_view as (
    select 'pg_temp.listener_expression'::regclass::oid as oid
    union
    select class.oid
    from read_view
    inner join pg_catalog.pg_rewrite as rewrite on rewrite.ev_class = read_view.oid
    inner join pg_catalog.pg_depend as depend
        on depend.classid = 'pg_catalog.pg_rewrite'::regclass
        and depend.objid = rewrite.oid
        and depend.refclassid = 'pg_catalog.pg_class'::regclass
    inner join pg_catalog.pg_class as class on class.oid = depend.refobjid and class.relkind = 'v'
)
