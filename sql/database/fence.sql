-- The fence (listener/fence.py): statements behind the fence have the rights of a lesser role.

-- name: as_member
set local role {{role}};

create function pg_temp.listener_fence(script text) returns void language plpgsql security definer as $fence$
begin
    execute script;
end;
$fence$;

select pg_temp.listener_fence({{script}});

drop function pg_temp.listener_fence(text);

reset role;

-- name: as_superuser
create function pg_temp.listener_fence(script text) returns void language plpgsql security definer as $fence$
begin
    execute script;
end;
$fence$;

alter function pg_temp.listener_fence(text) owner to {{role}};

select pg_temp.listener_fence({{script}});

drop function pg_temp.listener_fence(text);

-- name: asks
-- Statements in here may set the session's search_path: afterwards the path is as before. (Outside of transactions the
-- session sets its own path again before each statement.)
create function pg_temp.listener_asks(query text, given text[]) returns setof record
language plpgsql security definer as $fence$
declare
    path text := pg_catalog.current_setting('search_path');
begin
    return query execute query using given;
    perform pg_catalog.set_config('search_path', path, false);
end;
$fence$;

create function pg_temp.listener_tries(query text, given text[]) returns void
language plpgsql security definer as $fence$
declare
    path text := pg_catalog.current_setting('search_path');
begin
    execute query using given;
    perform pg_catalog.set_config('search_path', path, false);
end;
$fence$;

-- name: standing
-- The parts of the fence, as they are now. Names and operators are qualified, for statements behind the fence may have
-- set another search_path. $1: the names of the fence's functions.
select
    (
        select pg_catalog.md5(
            pg_catalog.string_agg(
                pg_catalog.format(
                    '%s %s %s %s %s %s',
                    proc.oid, proc.proowner, proc.prosecdef, proc.prolang, proc.proconfig, proc.prosrc
                ),
                ' ' order by proc.oid
            )
        )
        from pg_catalog.pg_proc as proc
        where
            proc.pronamespace operator(pg_catalog.=) pg_catalog.pg_my_temp_schema()
            and proc.proname::pg_catalog.text operator(pg_catalog.=) any ($1::pg_catalog.text[])
    );

-- name: types
-- The names of these types ($1), as SQL writes type names.
select pg_catalog.array_agg(pg_catalog.format_type(given.oid, null) order by given.place)
from pg_catalog.unnest($1::pg_catalog.oid[]) with ordinality as given(oid, place);
