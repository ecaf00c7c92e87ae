-- Moving the counts that few notes name: the work of `reactions/count` as a function whose plans are kept. (See
-- `enroll_few`.) A transaction that was cut in two, many notes, or a course that somebody holds, are left for the
-- statement: then `changes` is null.
create or replace function listener.count_few(
    most_changes integer,
    most_shown integer,
    out changes bigint,
    out notes_left boolean,
    out seq bigint,
    out moved bigint,
    out moves json,
    out parked bigint
)
language plpgsql as $$
#variable_conflict use_variable
declare
    noted_changes bigint;
    is_whole boolean;
    seen pg_snapshot;
    course_ids {{course_key_type}}[];
    deltas bigint[];
begin
    with last_checkpoint as (
        select checkpoint.seq, checkpoint.partial_xid
        from listener.checkpoint
        where
            checkpoint.consumer = 'count'
            and not exists (select from listener.pause where pause.consumer = 'count')
        order by checkpoint.seq desc
        limit 1
    ),
    note as materialized (
        select unhandled.course_id, unhandled.delta
        from listener.unhandled('count', most_changes + 1) as unhandled
    ),
    delta_per_course as materialized (
        select note.course_id, sum(note.delta)::bigint as delta
        from note
        where note.course_id is not null
        group by note.course_id
        having sum(note.delta) <> 0
        order by note.course_id
    )
    select
        last_checkpoint.seq + 1,
        last_checkpoint.partial_xid is null,
        pg_current_snapshot(),
        (select count(*) from note),
        array(select delta_per_course.course_id from delta_per_course),
        array(select delta_per_course.delta from delta_per_course)
    from last_checkpoint
    into seq, is_whole, seen, noted_changes, course_ids, deltas;
    -- Nothing is noted; or it is paused, and there is no checkpoint to go on from.
    if coalesce(noted_changes, 0) = 0 then
        changes := 0;
        return;
    end if;
    moved := cardinality(course_ids);
    if
        not is_whole
        or noted_changes > most_changes
        or (moved > 0 and (select count(*) from listener.lock_courses(course_ids)) < moved)
    then
        return;
    end if;
    if moved > 0 and (select count(*) from listener.move_counts(course_ids, deltas)) < moved then
        raise exception 'a course went while its row was locked';
    end if;
    insert into listener.checkpoint (consumer, seq, handled, changes) values ('count', seq, seen, noted_changes);
    changes := noted_changes;
    notes_left := false;
    parked := 0;
    select json_agg(json_build_object('course_id', move.course_id::text, 'delta', move.delta))
    from unnest(course_ids[:most_shown], deltas[:most_shown]) as move(course_id, delta)
    into moves;
end;
$$;
