-- Whether so many may be taken back now, all or none; `held_already` of them are held. A yes is written down.
-- Enrollments held otherwise count, too: none slips past. Singly: the brakes' rows are locked until the transaction is
-- over, so that of two sessions that ask at once both are counted.
create or replace function listener.may_take_back(asked bigint, held_already bigint) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    allowed constant bigint := listener.brake_allows('leaving');
    held_besides bigint;
begin
    if allowed is null then
        return true;
    end if;
    perform from listener.brake order by brake.kind for update;
    -- Separate statements, which see rows committed before the lock was had.
    held_besides := greatest(listener.count_held('leaving', allowed + 1 + held_already) - held_already, 0);
    if listener.brake_used('leaving') + asked + held_besides > allowed then
        return false;
    end if;
    insert into listener.brake_use (kind, number)
    values ('leaving', asked)
    on conflict (kind, slot) do update set number = brake_use.number + excluded.number;
    delete from listener.brake_use where brake_use.slot < clock_timestamp() - interval '20 minutes';
    return true;
end;
$$;
