-- Whether no two rows have the same key at any moment: then a row that comes to a key comes when another has left it.
create or replace function listener.is_unique_at_once(relation oid, key_name text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select exists (
        select
        from pg_catalog.pg_index as index
        inner join pg_catalog.pg_attribute as attribute
            on attribute.attrelid = index.indrelid and attribute.attnum = index.indkey[0]
        where
            index.indrelid = relation
            and index.indisunique
            and index.indimmediate
            and index.indisvalid
            and index.indpred is null
            and index.indnkeyatts = 1
            and attribute.attname = key_name
    )
$$;

-- Called by the triggers when a profile or a course (`whose`) gets another key: what is kept of it goes along, as nothing of ours
-- refers to the LMS's tables. What was kept under the new key was about somebody else; only the history stays, and who waits for
-- a course of that key. Rows that the daemon holds at this moment are passed over: nobody waits for it. If it is not sure which
-- row had which key (under a deferrable key), the enrollments of both keys are forgotten, as if somebody had made them by hand.
create or replace function listener.follow_key(
    whose text, old_key anyelement, new_key anyelement, is_sure boolean default true
)
returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    kept_in text;
    of_a_key constant text := 'with of_a_key as (select ctid from listener.%1$I as kept where %2$I = $1 %3$s for update skip locked) ';
    forget constant text := of_a_key || 'delete from listener.%1$I where ctid = any (array(select of_a_key.ctid from of_a_key))';
    waits_for_another constant text :=
        'and kept.profile_id in (select other.profile_id from listener.pending_enrollment as other where other.course_id = $2)';
begin
    if not is_sure then
        execute format(forget, 'made_enrollment', whose || '_id', '') using old_key;
        execute format(forget, 'made_enrollment', whose || '_id', '') using new_key;
        return;
    end if;
    foreach kept_in in array array['made_enrollment', 'pending_enrollment', 'waiting', 'history'] loop
        if kept_in <> 'history' then
            execute format(
                forget,
                kept_in,
                whose || '_id',
                case when whose = 'course' and kept_in = 'pending_enrollment' then waits_for_another else '' end
            )
            using new_key, old_key;
        end if;
        execute format(
            of_a_key || 'update listener.%1$I set %2$I = $2 where ctid = any (array(select of_a_key.ctid from of_a_key))',
            kept_in, whose || '_id', ''
        )
        using old_key, new_key;
    end loop;
end;
$$;

--: if has_partitions
-- Around an UPDATE of profiles that are partitioned: one that moves to another partition is deleted there, and inserted here.
create or replace function listener.note_moving() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform set_config('listener.moving', case when tg_when = 'BEFORE' then 'on' else '' end, true);
    perform set_config('listener.moved_from', '', true);
    return null;
end;
$$;
--: end
