-- Where a new student of a school lands now; null while that school has no course to be had. A course for which the rule fails
-- is passed over.
create or replace function listener.default_course_id(of_school {{tenant_type}})
returns {{course_key_type}}
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    found_id {{course_key_type}};
    problem text;
begin
    begin
        found_id := (
            with as_bound as materialized (
                select
                    {{default_course_as_bound}} as holds
            )
            select landing.id
            from (select of_school as school) as student
            cross join lateral (
                {{course_of_school}}
            ) as landing(id)
            where (select as_bound.holds from as_bound)
        );
        return found_id;
    exception when assert_failure or others then
        if sqlstate ~ '^(42|3F)' then
            raise;
        end if;
    end;
    {{expect_school}}
    {{first_of_its_courses}}
    {{expect_school}}
    if problem is not null then
        raise data_exception using message = 'the rule fails for a course, and its school has no other: ' || problem;
    end if;
    return null;
end;
$$;
