-- The leader tells all problems that the leader knows, and since when, in place of the problems told before. The text
-- may be anything, so it is cut: a reader makes the text fit to be shown.
create or replace function listener.tell_problems(told json) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
    with now as materialized (
        select distinct on (problem.code)
            left(problem.code, 100) as code,
            to_timestamp(problem.since) as since,
            coalesce(problem.affected, 1) as affected,
            array(
                select left(each.example, 1000)
                from unnest(problem.examples) with ordinality as each(example, number)
                where each.number <= 5
            ) as examples
        from json_to_recordset(tell_problems.told) as problem(
            code text, since double precision, affected bigint, examples text[]
        )
        where problem.code is not null and problem.since is not null
        order by problem.code
        limit 100
    ),

    over as (
        delete from listener.problem
        where problem.code not in (select now.code from now)
    )

    insert into listener.problem (code, since, affected, examples)
    select now.code, now.since, now.affected, now.examples
    from now
    on conflict (code) do update
    set since = excluded.since, affected = excluded.affected, examples = excluded.examples
$$;
