-- The next batch of a consumer, which weighs `most`: the notes that fit, and at least one more, where there is one.
create or replace function listener.batch(consumer_name text, most bigint)
returns table (
    xid xid8,
    id bigint,
    at timestamptz,
    source text,
    operation text,
    profile_ids {{profile_key_type}}[],
    course_id {{course_key_type}},
    delta bigint,
    route text,
    keys text[],
    weight bigint,
    fits boolean,
    is_last boolean,
    is_rest boolean,
    checkpoint_seq bigint
)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
    return query
    select
        note.xid,
        note.id,
        note.at,
        note.source,
        note.operation,
        note.profile_ids,
        note.course_id,
        note.delta,
        note.route,
        note.keys,
        note.weight::bigint,
        note.fits,
        note.is_last,
        note.partial_xid is not null,
        note.checkpoint_seq
    from (
        {{notes_of_batch}}
    ) as note;
    -- All that is left was handled ahead of its turn: a row without a note, so that the batch's checkpoint says so.
    if not found then
        return query
        select
            null::xid8, null::bigint, null::timestamptz, null::text, null::text, null::{{profile_key_type}}[],
            null::{{course_key_type}}, null::bigint, null::text, null::text[], 0::bigint, false, false, false,
            last_checkpoint.seq
        from listener.ahead_of_all(consumer_name) as last_checkpoint(seq);
    end if;
end;
$$;

-- Records that a batch is handled; returns the checkpoint's number. `after_seq + 1` is the fence: of two readers of the
-- same checkpoint, the second gets a unique violation, and nothing of its batch remains. `seen` is the snapshot of the
-- batch. Where more notes wait, or the rest of a transaction that was cut, the batch ended with the note (last_xid,
-- last_id), and the next note is of transaction `next_xid`, if there is any.
create or replace function listener.write_checkpoint(
    consumer_name text,
    after_seq bigint,
    seen pg_snapshot,
    changes bigint,
    last_xid xid8 default null,
    last_id bigint default null,
    next_xid xid8 default null
)
returns bigint
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if last_xid is null then
        insert into listener.checkpoint (consumer, seq, handled, changes)
        values (consumer_name, after_seq + 1, seen, write_checkpoint.changes);
        -- All of it is handled by now, also what was ahead.
        if exists (
            select from listener.checkpoint
            where checkpoint.consumer = consumer_name and checkpoint.seq = after_seq and checkpoint.first_ahead is not null
        ) then
            delete from listener.ahead where ahead.consumer = consumer_name;
        end if;
        return after_seq + 1;
    end if;
    insert into listener.checkpoint (consumer, seq, handled, partial_xid, partial_id, first_ahead, changes)
    select
        consumer_name,
        after_seq + 1,
        case
            when checkpoint.partial_xid is null
                then listener.snapshot_through(checkpoint.handled, seen, last_xid, next_xid is distinct from last_xid)
            when next_xid is null then listener.snapshot_with(checkpoint.handled, last_xid)
            else checkpoint.handled
        end,
        case when next_xid = last_xid then last_xid end,
        case when next_xid = last_xid then last_id end,
        checkpoint.first_ahead,
        write_checkpoint.changes
    from listener.checkpoint
    where checkpoint.consumer = consumer_name and checkpoint.seq = after_seq;
    return after_seq + 1;
end;
$$;

create or replace function listener.expect_installed(reaction_name text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    if not exists (select from listener.reaction where reaction.name = reaction_name) then
        raise exception 'there is no reaction % that was installed', reaction_name
            using errcode = 'undefined_object';
    end if;
end;
$$;

-- The same, for a reaction that somebody installed, and no other.
create or replace function listener.batch_is_handled(
    reaction_name text,
    after_seq bigint,
    seen pg_snapshot,
    changes bigint,
    last_xid xid8,
    last_id bigint,
    next_xid xid8
)
returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform listener.expect_installed(reaction_name);
    return listener.write_checkpoint(reaction_name, after_seq, seen, changes, last_xid, last_id, next_xid);
end;
$$;
