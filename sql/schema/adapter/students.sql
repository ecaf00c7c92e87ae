-- Students among these profiles, or among all for whom the rule does not fail.
create or replace function listener.students(among {{profile_key_type}}[] default null)
returns setof {{profile_key_type}}
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
{{query_settings}}
as $$
#variable_conflict use_column
declare
    all_ids {{profile_key_type}}[];
begin
    if among is not null then
        return query
        with as_bound as materialized (
            select
                {{students_as_bound}} as holds
        )
        select student.id::{{profile_key_type}}
        from (
            {{student_view}}
        ) as student(id)
        where student.id = any (among) and (select as_bound.holds from as_bound);
        return;
    end if;
    begin
        with as_bound as materialized (
            select
                {{students_as_bound}} as holds
        )
        select array_agg(student.id::{{profile_key_type}})
        from (
            {{student_view}}
        ) as student(id)
        where (select as_bound.holds from as_bound)
        into all_ids;
        return query select unnest(all_ids);
        return;
    exception when assert_failure or others then
        -- If the error is about no profile, this fails, too.
        perform from listener.wanted('{}');
    end;
    return query
    select distinct student.profile_id
    from (
            {{wanted_past_errors}}
    ) as student;
end;
$$;

-- How many there are. Reads the tables as a whole.
create or replace function listener.count_students()
returns bigint
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
{{query_settings}}
as $$
declare
    students bigint;
begin
    with as_bound as materialized (
        select
            {{students_as_bound}} as holds
    )
    select count(*)
    from (
        {{student_view}}
    ) as student
    where (select as_bound.holds from as_bound)
    into students;
    return students;
exception when assert_failure or others then
    -- If the error is about no profile, this fails, too.
    perform from listener.wanted('{}');
    return (
        select count(distinct student.profile_id)
        from (
            {{wanted_past_errors}}
        ) as student
    );
end;
$$;
