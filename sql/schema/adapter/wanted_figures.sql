-- For each course in the query: how many students the query wants there, and how many of these are there, in any
-- status. Reads the tables as a whole.
create or replace function listener.wanted_figures()
returns table (course_id {{course_key_type}}, wanted bigint, enrolled bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = on
set enable_nestloop = on
set enable_hashjoin = on
set enable_mergejoin = on
set enable_material = on as $$
#variable_conflict use_column
declare
    past_errors boolean := false;
begin
    loop
        begin
            -- It ends in groups, which are complete before the first group is returned.
            return query
            with as_bound as materialized (
                select
                    {{rule_as_bound}} as holds
            ),

            attempt as materialized (
                select of_everybody.profile_id, of_everybody.course_id, of_everybody.error
                from listener.wanted_of_everybody() as of_everybody
                where past_errors
            )

            select figures.course_id, figures.wanted, figures.enrolled
            from (
                {{figures}}
            ) as figures(course_id, wanted, enrolled)
            where (select as_bound.holds from as_bound);
            return;
        exception when assert_failure or others then
            if past_errors then
                raise;
            end if;
            -- If the error is about no profile, this fails, too.
            perform from listener.wanted('{}');
            past_errors := true;
        end;
    end loop;
end;
$$;
