-- Which of the two objects in the LMS's own schema ($1) are not there, or are ours: those that somebody else made stay.
with there as (
    select
        to_regclass(format('%I.profile_enrollment_sync_status', $1::text))::oid as view_oid,
        to_regprocedure(format('%I.get_enrollment_statistics()', $1::text))::oid as function_oid,
        -- Up to version 3 they are known by their comment.
        to_regclass('listener.adapter') is null as is_old
)

select
    there.view_oid is null
    or (there.is_old and obj_description(there.view_oid, 'pg_class') = 'made by listener install')
    or exists (
        select
        from pg_catalog.pg_rewrite
        inner join pg_catalog.pg_depend on pg_depend.objid = pg_rewrite.oid
        inner join pg_catalog.pg_proc on pg_proc.oid = pg_depend.refobjid
        where
            pg_rewrite.ev_class = there.view_oid
            and pg_depend.refclassid = 'pg_catalog.pg_proc'::regclass
            and pg_proc.pronamespace = to_regnamespace('listener')
    ) as status,
    there.function_oid is null
    or (there.is_old and obj_description(there.function_oid, 'pg_proc') = 'made by listener install')
    or exists (
        select from pg_catalog.pg_proc
        where pg_proc.oid = there.function_oid and pg_proc.prosrc like '%made by listener install%'
    ) as function
from there
