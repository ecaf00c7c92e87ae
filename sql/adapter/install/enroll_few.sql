-- Enrolling whoever is named by few notes, which is what the daemon does all day: the work of `reactions/enroll`, whose one
-- statement is set up anew each time it runs, as a function whose plans are kept. Notes and snapshot come from one
-- statement; who is a student is looked up after it, and so is as new or newer. Anything out of the ordinary (many
-- profiles, a transaction that was cut in two, rows that lead to profiles) is left for the statement: then `changes` is null.
create or replace function listener.enroll_few(
    most_profiles integer,
    most_shown integer,
    out changes bigint,
    out notes_left boolean,
    out seq bigint,
    out enrolled bigint,
    out returned bigint,
    out suspended bigint,
    out removed bigint,
    out examples json,
    out pending bigint,
    out pending_students json,
    out courses_changed boolean,
    out woken bigint,
    out waited double precision,
    out ages double precision[],
    out profiles integer[],
    out kinds json
)
language plpgsql as $$
#variable_conflict use_variable
declare
    noted_changes bigint;
    noted_weight bigint;
    is_about_profiles boolean;
    may_free_seats boolean;
    noted_ids {{profile_key_type}}[];
    noted_at timestamptz[];
    first_at timestamptz;
    is_whole boolean;
    seen pg_snapshot;
    settled record;
begin
    with last_checkpoint as (
        select checkpoint.seq, checkpoint.partial_xid
        from listener.checkpoint
        where
            checkpoint.consumer = 'enroll'
            and not exists (select from listener.pause where pause.consumer = 'enroll')
        order by checkpoint.seq desc
        limit 1
    ),
    note as materialized (
        select unhandled.*, greatest(cardinality(unhandled.profile_ids), 1) as weight
        from listener.unhandled('enroll', most_profiles + 1) as unhandled
    )
    select
        last_checkpoint.seq + 1,
        last_checkpoint.partial_xid is null,
        pg_current_snapshot(),
        array(select unnest(note.profile_ids) from note),
        summary.*
    from last_checkpoint
    cross join (
        select
            count(*),
            sum(note.weight),
            bool_and(note.route is null),
            bool_or(note.delta < 0 or note.source = 'courses'),
            min(note.at),
            bool_or(note.source = 'courses'),
            coalesce(array_agg(note.at) filter (where note.profile_ids is not null), '{}'),
            coalesce(array_agg(note.weight) filter (where note.profile_ids is not null), '{}'),
            json_agg(
                json_build_object('source', note.source, 'operation', note.operation, 'changes', note.weight)
            )
        from note
    ) as summary
    into
        seq, is_whole, seen, noted_ids,
        noted_changes, noted_weight, is_about_profiles, may_free_seats, first_at, courses_changed, noted_at, profiles, kinds;
    -- Nothing is noted; or it is paused, and there is no checkpoint to go on from.
    if coalesce(noted_changes, 0) = 0 then
        changes := 0;
        return;
    end if;
    if not is_whole or noted_weight > most_profiles or not is_about_profiles then
        return;
    end if;
    settled := listener.settle_noted(noted_ids, false, most_shown);
    enrolled := settled.enrolled;
    returned := settled.returned;
    suspended := settled.suspended;
    removed := settled.removed;
    examples := settled.examples;
    pending := settled.pending;
    pending_students := settled.pending_students;
    insert into listener.checkpoint (consumer, seq, handled, changes) values ('enroll', seq, seen, noted_changes);
    if may_free_seats then
        woken := listener.wake_waiting();
    end if;
    changes := noted_changes;
    -- Seats that were left are among the notes that this batch made.
    notes_left := coalesce(suspended + removed > 0, false);
    waited := date_part('epoch', settled.at - first_at);
    ages := array(select date_part('epoch', settled.at - note.at) from unnest(noted_at) as note(at));
end;
$$;
