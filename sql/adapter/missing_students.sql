-- Students without any enrollment; `since`: those whose row was written by that transaction, or by a later one. Reads
-- the tables as a whole.
create or replace function listener.missing_students(since xid8 default null)
returns setof {{profile_key_type}}
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    oldest bigint := pg_snapshot_xmax(pg_current_snapshot())::text::bigint - since::text::bigint + 1;
begin
    perform listener.expect('{{profile_name}}', '{{profile_oid}}');
    perform listener.expect('{{student_name}}', '{{student_oid}}');
    perform listener.expect('{{enrollment_name}}', '{{enrollment_oid}}');
    return query
    with enrolled as (
        select {{enrollment_profile:enrollment}} as profile_id
        from {{enrollment_table}} as enrollment
    )
    select student.id::{{profile_key_type}}
    from (
        {{student_view}}
    ) as student(id)
    where
        not exists (select from enrolled where enrolled.profile_id = student.id)
        and (
            since is null
            or exists (
                select
                from {{student_table}} as written
                where {{student_key:written}} = student.id and age(written.xmin) <= oldest
            )
        );
end;
$$;
