-- The next students in key order, after one of them.
create or replace function listener.student_page(after_id {{profile_key_type}}, at_most bigint)
returns setof {{profile_key_type}}
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
    perform listener.expect('{{profile_name}}', '{{profile_oid}}');
    return query
    select student.id::{{profile_key_type}}
    from (
        {{student_view}}
    ) as student(id)
    where after_id is null or student.id > after_id
    order by student.id
    limit at_most;
end;
$$;
