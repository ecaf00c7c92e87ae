-- How Postgres has parsed a person's query or expression, tried as the temporary view `listener_expression`.

-- name: columns
-- The tried query in Postgres's form, and the types of the columns.
select
    pg_get_viewdef('pg_temp.listener_expression'::regclass::oid) as definition,
    array(
        select format_type(attribute.atttypid, attribute.atttypmod)
        from pg_catalog.pg_attribute as attribute
        where
            attribute.attrelid = 'pg_temp.listener_expression'::regclass::oid
            and attribute.attnum > 0
        order by attribute.attnum
    ) as types;

-- name: shape
-- The definition of the view with all names qualified, and the parse tree.
select
    pg_get_viewdef(rewrite.ev_class) as definition,
    rewrite.ev_action::text as tree
from pg_catalog.pg_rewrite as rewrite
where rewrite.ev_class = 'pg_temp.listener_expression'::regclass::oid;

-- name: trees
-- The parse trees and numbers of the tried query, and of all views that the query reads.
with recursive read_view as (
    select 'pg_temp.listener_expression'::regclass::oid as oid
    union
    select class.oid
    from read_view
    inner join pg_catalog.pg_rewrite as rewrite on rewrite.ev_class = read_view.oid
    inner join pg_catalog.pg_depend as depend
        on depend.classid = 'pg_catalog.pg_rewrite'::regclass::oid
        and depend.objid = rewrite.oid
        and depend.refclassid = 'pg_catalog.pg_class'::regclass::oid
    inner join pg_catalog.pg_class as class on class.oid = depend.refobjid and class.relkind = 'v'
)

select
    read_view.oid,
    read_view.oid::regclass::text as name,
    rewrite.ev_action::text as tree
from read_view
inner join pg_catalog.pg_rewrite as rewrite on rewrite.ev_class = read_view.oid;

-- name: reads
-- Tables and columns that the tried query reads, through views as well ($2: numbers of the query and the views). A
-- column that is computed from other columns stands for the other columns, too. $1: whether the query reads rows as a
-- whole.
with recursive read_column as (
    select depend.refobjid as table_oid, depend.refobjsubid as attnum
    from pg_catalog.pg_rewrite as rewrite
    inner join pg_catalog.pg_depend as depend
        on depend.classid = 'pg_catalog.pg_rewrite'::regclass::oid
        and depend.objid = rewrite.oid
        and depend.refclassid = 'pg_catalog.pg_class'::regclass::oid
    where rewrite.ev_class = any ($2::oid[])
    union
    select depend.refobjid, depend.refobjsubid
    from read_column
    inner join pg_catalog.pg_attrdef as computed
        on computed.adrelid = read_column.table_oid and computed.adnum = read_column.attnum
    inner join pg_catalog.pg_depend as depend
        on depend.classid = 'pg_catalog.pg_attrdef'::regclass::oid
        and depend.objid = computed.oid
        and depend.refclassid = 'pg_catalog.pg_class'::regclass::oid
        and depend.refobjsubid > 0
)

select
    namespace.nspname as schema_name,
    class.relname as table_name,
    class.relkind::text as kind,
    -- A crash empties an unlogged table, and no trigger sees that.
    class.relpersistence <> 'p' as is_unlogged,
    exists (select from pg_catalog.pg_inherits where pg_inherits.inhparent = class.oid) as has_children,
    exists (select from pg_catalog.pg_inherits where pg_inherits.inhrelid = class.oid) as is_child,
    array(
        select attribute.attname::text
        from pg_catalog.pg_attribute as attribute
        where
            attribute.attrelid = class.oid
            and attribute.attnum > 0
            and not attribute.attisdropped
            and (
                -- A row as a whole ({VAR :varno 1 :varattno 0 ...): any column may matter.
                $1::boolean
                or attribute.attnum in (
                    select read_column.attnum from read_column where read_column.table_oid = class.oid
                )
            )
        order by attribute.attnum
    ) as columns
from pg_catalog.pg_class as class
inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where
    class.oid in (select read_column.table_oid from read_column)
    -- (A composite type is a relation, too, and has no rows.)
    and class.relkind not in ('v', 'c')
order by namespace.nspname <> 'public', namespace.nspname, class.relname;

-- name: not_of_the_lms
-- A relation among $1 (numbers) that is Postgres's own, or ours; null if there is none. (A view's dependencies leave
-- out Postgres's own relations.)
select format('%s.%s', namespace.nspname, class.relname)
from pg_catalog.pg_class as class
inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where
    class.oid = any ($1::oid[])
    and namespace.nspname in ('pg_catalog', 'information_schema', 'listener')
order by 1
limit 1;

-- name: functions_called
-- Of functions ($1: numbers), and those that an aggregate of the LMS's calls: which may answer differently each time,
-- which may read unseen tables, which depend on the session or the server, and which tell the time, as far as the text
-- says so.
with recursive called as (
    select proc.oid
    from pg_catalog.pg_proc as proc
    where
        proc.oid = any ($1::oid[])
        or proc.oid in (
            select unnest(array[part.aggtransfn, part.aggfinalfn, part.aggmtransfn, part.aggmfinalfn]::oid[])
            from pg_catalog.pg_aggregate as part
            where part.aggfnoid = any ($1::oid[]) and part.aggfnoid::oid >= 16384
        )
),

of_the_lms as (
    select
        proc.oid,
        proc.proname::text as name,
        proc.provolatile = 'i' as is_immutable,
        case
            when to_jsonb(proc) ->> 'prosqlbody' is not null then pg_get_functiondef(proc.oid)
            else proc.prosrc
        end as body
    from pg_catalog.pg_proc as proc
    inner join pg_catalog.pg_namespace as namespace on namespace.oid = proc.pronamespace
    inner join pg_catalog.pg_language as language on language.oid = proc.prolang
    where namespace.nspname not in ('pg_catalog', 'listener') and language.lanname not in ('internal', 'c')
),

-- Each called function, with the functions that the body names, theirs, and so on.
named_below as (
    select called.oid as called_oid, called.oid
    from called
    union
    select named_below.called_oid, named.oid
    from named_below
    inner join of_the_lms on of_the_lms.oid = named_below.oid
    inner join of_the_lms as named
        on position(lower(named.name) in lower(of_the_lms.body)) > 0
        and (named.name ~ '\W' or of_the_lms.body ~* ('\m' || named.name || '\M'))
),

-- "Immutable" is a promise: a body that names a table may read the table all the same.
reading as (
    select named_below.called_oid as oid
    from named_below
    inner join of_the_lms on of_the_lms.oid = named_below.oid
    where
        not of_the_lms.is_immutable
        or of_the_lms.body ~* '\mexecute\M'
        or exists (
            select
            from pg_catalog.pg_class as class
            inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
            where
                class.relkind in ('r', 'p', 'v', 'm', 'f')
                and namespace.nspname not in ('pg_catalog', 'information_schema', 'listener')
                and position(lower(class.relname::text) in lower(of_the_lms.body)) > 0
                and (class.relname::text ~ '\W' or of_the_lms.body ~* ('\m' || class.relname::text || '\M'))
        )
)

select
    proc.oid,
    proc.oid::regprocedure::text as name,
    md5(proc.prosrc) as body,
    namespace.nspname = 'pg_catalog' as is_builtin,
    proc.provolatile = 'v' as is_volatile,
    proc.oid in (select reading.oid from reading)
    or (namespace.nspname = 'pg_catalog' and proc.provolatile <> 'i' and proc.proname ~ '_to_xml') as may_read,
    namespace.nspname = 'pg_catalog'
    and proc.provolatile <> 'i'
    and proc.proname
    ~ '^(pg_|has_|inet_|txid_|to_reg|current_[^d]|(getpg|session_|system_)user|row_security_)|_description'
    and proc.proname
    not in ('pg_typeof', 'pg_collation_for', 'pg_column_size', 'pg_input_is_valid', 'pg_input_error_info') as is_of_session,
    (
        namespace.nspname = 'pg_catalog'
        and (
            proc.proname in ('now', 'transaction_timestamp', 'statement_timestamp', 'timenow')
            or (proc.proname = 'age' and proc.pronargs = 1)
        )
    )
    or (
        namespace.nspname <> 'pg_catalog'
        and proc.prosrc
        ~* '\m(now|transaction_timestamp|statement_timestamp|clock_timestamp)\s*\(|\m(current_date|current_time|current_timestamp|localtime|localtimestamp)\M'
    ) as tells_the_time
from pg_catalog.pg_proc as proc
inner join pg_catalog.pg_namespace as namespace on namespace.oid = proc.pronamespace
where proc.oid in (select called.oid from called)
order by 1;

-- name: functions_by_name
-- Of the functions that a person's text calls ($1: numbers), all but Postgres's own: the owner, and the path by which
-- names in the body are looked up. $2: the tables that the text reads. Asked with an empty search_path, so that names
-- come out qualified.
select
    proc.oid,
    proc.oid::regprocedure::text as name,
    pg_get_userbyid(proc.proowner)::text as owner,
    -- The owner may have the function do anything at each call.
    owner.rolsuper
    or owner.rolname = current_user
    or proc.proowner in (
        select class.relowner from pg_catalog.pg_class as class where class.oid = any ($2::oid[])
    ) as is_trusted,
    -- Whether names are looked up at each call, not at the creation. (The column came with Postgres 14.)
    language.lanname not in ('c', 'internal') and to_jsonb(proc) ->> 'prosqlbody' is null as is_late,
    language.lanname = 'sql' as is_sql,
    (
        select substr(setting.text, length('search_path=') + 1)
        from unnest(proc.proconfig) as setting(text)
        where setting.text like 'search\_path=%'
    ) as path,
    array(
        select distinct found.name[1]
        from regexp_matches(
            regexp_replace(proc.prosrc, '--[^\n]*|/\*.*?\*/|''(?:[^'']|'''')*''', ' ', 'g'),
            '\m(?:from|join|into|update|table)\s+(?:only\s+)?("(?:[^"]|"")+"|[a-z_]\w*)(?!\w|\s*[.(])',
            'gi'
        ) as found(name)
        where exists (
            select
            from pg_catalog.pg_class as class
            inner join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
            where
                class.relname::text = case
                    when found.name[1] like '"%' then replace(btrim(found.name[1], '"'), '""', '"')
                    else lower(found.name[1])
                end
                and class.relkind in ('r', 'p', 'v', 'm', 'f')
                and namespace.nspname <> 'pg_catalog'
        )
    ) as bare_tables
from pg_catalog.pg_proc as proc
inner join pg_catalog.pg_namespace as namespace on namespace.oid = proc.pronamespace
inner join pg_catalog.pg_language as language on language.oid = proc.prolang
inner join pg_catalog.pg_roles as owner on owner.oid = proc.proowner
where proc.oid = any ($1::oid[]) and namespace.nspname <> 'pg_catalog'
order by 2;
