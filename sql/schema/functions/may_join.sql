-- Whether so many may join now, all or none, singly (the brakes' rows are locked until the transaction is over); and whether those may of them who were held before. What comes
-- of it is written down by the statement that asks. Who is held keeps nobody else out, as far as the limit allows, and joins
-- when all who are held fit.
create or replace function listener.may_join(asked bigint, asked_again bigint, out lets_in boolean, out lets_in_again boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    allowed constant bigint := listener.brake_allows('joining');
    left_over bigint;
begin
    perform from listener.brake order by brake.kind for update;
    -- A separate statement, which sees rows committed before the lock was had.
    left_over := allowed - listener.brake_used('joining') - asked;
    lets_in := left_over >= 0;
    lets_in_again := left_over >= greatest(listener.count_held('joining', allowed + 1), asked_again);
    delete from listener.brake_use where brake_use.slot < clock_timestamp() - interval '20 minutes';
end;
$$;
