-- What courses are called, of at most 200 keys: for people, beside the key. The column is looked for each time, so nothing
-- is in the way of a migration that renames or drops it. No title at all where anything is in the way: it is no more than a
-- help.
create or replace function listener.course_titles(of_keys text[])
returns table (course_id text, title text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '50ms' as $$
#variable_conflict use_column
declare
    called name;
begin
    {{expect_courses}}
    called := (
{{title_column}}
    );
    if called is not null then
        return query execute
            $titles$
            select {{course_key:course}}::text, left(course.$titles$ || quote_ident(called) || $titles$::text, 200)
            from {{course_table}} as course
            where {{course_key:course}} = any ($1::{{course_key_type}}[])
            $titles$
            using of_keys[:200];
    end if;
exception when assert_failure or others then
    return;
end;
$$;
