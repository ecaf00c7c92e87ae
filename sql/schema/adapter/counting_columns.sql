-- Moves courses' counts, wherever this LMS keeps counts, in one statement; returns the moved courses. Rows are locked
-- in key order, as every session should; a locked row is passed over. The LMS's own triggers on the rows run in here,
-- and find their tables by the LMS's path: see `listener.settle`.
create or replace function listener.move_counts(moved_course_ids {{course_key_type}}[], deltas bigint[])
returns setof {{course_key_type}}
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    return query
    with as_bound as materialized (
        select
            {{counts_as_bound}} as holds
    ),
    free_course as materialized (
        select {{course_key:course}} as id, move.delta
        from unnest(move_counts.moved_course_ids, move_counts.deltas) as move(course_id, delta)
        inner join {{course_table}} as course on {{course_key:course}} = move.course_id
        order by {{course_key:course}}
        for no key update of course skip locked
    ),
    moved as (
        update {{course_table}} as course
        set
            {{count_moves}}
        from free_course as move
        where {{course_key:course}} = move.id
        returning {{course_key:course}}::{{course_key_type}} as id
    )
    select moved.id
    from moved
    where (select as_bound.holds from as_bound) and {{by_lms_path}};
    {{own_path_again}}
end;
$$;

-- Moves a count that was passed over, if the course's row is free by now. An error, if a trigger of the LMS's keeps the
-- count even so; neither, where somebody holds the row, or there is none.
create or replace function listener.move_again(
    course_id {{course_key_type}}, delta bigint, out moved boolean, out error text
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    {{expect_courses}}
    moved := false;
    perform from {{course_table}} as course
    where {{course_key:course}} = move_again.course_id
    for no key update skip locked;
    if found then
        perform from listener.move_counts(array[move_again.course_id], array[move_again.delta]);
        moved := found;
        error := case when not moved then listener.error_text('P0001', 'a trigger of the LMS''s lets no count move') end;
    end if;
end;
$$;

-- Adds the drift to a count; changes made meanwhile stay. False, if the LMS refuses.
create or replace function listener.repair_count(
    off_course_id {{course_key_type}}, count_column text, drift bigint
)
returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    is_moved boolean;
    problem_context text;
begin
    {{hold_courses}}
    {{expect_count_columns}}
    -- A lock on the course is waited for here; afterwards the LMS's own triggers and checks may refuse.
    perform from {{course_table}} as course
    where {{course_key:course}} = repair_count.off_course_id
    for no key update;
    begin
        set constraints all deferred;
        {{count_repairs}}
    exception when assert_failure or query_canceled or others then
        get stacked diagnostics problem_context = pg_exception_context;
        if sqlstate = '57014' and not listener.was_raised(problem_context) then
            raise;
        end if;
        return false;
    end;
    raise exception 'there is no count column %', repair_count.count_column;
end;
$$;
