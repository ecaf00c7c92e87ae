-- The brake: limits the damage that a mistake in the rule, or in the rule's data, can do within ten minutes. Joining has one
-- of its own, further below.

-- How many enrollments may be taken back within any ten minutes; null if any number.
create or replace function listener.brake_allows() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select
        case
            when {{brake_percent}}::numeric is null then {{brake_number}}::bigint
            else (select greatest(20, floor(brake.active * {{brake_percent}}::numeric / 100))::bigint from listener.brake)
        end
$$;

-- How many enrollments were taken back, within the last ten minutes; of a slot cut by that limit, all.
create or replace function listener.taken_back_lately() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce(sum(taken_back.number), 0)::bigint
    from listener.taken_back
    where taken_back.slot > clock_timestamp() - interval '10 minutes 10 seconds'
$$;

-- How many are held; counted up to `most`.
create or replace function listener.count_held(most bigint) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select count(*)
    from (select from listener.made_enrollment as made where made.held_since is not null limit most) as held
$$;

-- Whether anything is held that could be taken back by now.
create or replace function listener.held_fit() returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select
        case
            when listener.count_held(1) = 0 then false
            when listener.brake_allows() is null then true
            else listener.taken_back_lately() + listener.count_held(listener.brake_allows() + 1) <= listener.brake_allows()
        end
$$;

-- Whether so many may be taken back now, all or none; `held_already` of them are held. A yes is written down.
-- Enrollments held otherwise count, too: none slips past. Singly: the brake's row is locked until the transaction is
-- over, so that of two sessions that ask at once both are counted.
create or replace function listener.may_take_back(asked bigint, held_already bigint) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    allowed constant bigint := listener.brake_allows();
    held_besides bigint;
begin
    if allowed is null then
        return true;
    end if;
    perform from listener.brake where brake.only_row for update;
    -- Separate statements, which see rows committed before the lock was had.
    held_besides := greatest(listener.count_held(allowed + 1 + held_already) - held_already, 0);
    if listener.taken_back_lately() + asked + held_besides > allowed then
        return false;
    end if;
    insert into listener.taken_back (slot, number)
    values ({{brake_slot}}, asked)
    on conflict (slot) do update set number = taken_back.number + excluded.number;
    delete from listener.taken_back where taken_back.slot < clock_timestamp() - interval '20 minutes';
    return true;
end;
$$;

-- How many enrollments may be made within any ten minutes; null if any number.
create or replace function listener.joining_allows() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select
        case
            when {{joining_percent}}::numeric is null then {{joining_number}}::bigint
            else (select greatest(20, floor(brake.active_of_all * {{joining_percent}}::numeric / 100))::bigint from listener.brake)
        end
$$;

-- How many were made, within the last ten minutes; of a slot cut by that limit, all.
create or replace function listener.joined_lately() returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce(sum(joined.number), 0)::bigint
    from listener.joined
    where joined.slot > clock_timestamp() - interval '10 minutes 10 seconds'
$$;

-- How many are held, and would join; counted up to `most`.
create or replace function listener.count_held_joining(most bigint) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select count(*)
    from (
        select
        from listener.pending_enrollment
        where pending_enrollment.reason = 'held' and not pending_enrollment.released
        limit most
    ) as held
$$;

-- Whether anybody is held who could join by now.
create or replace function listener.joining_fits() returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select
        case
            when listener.count_held_joining(1) = 0 then false
            when listener.joining_allows() is null then true
            else listener.joined_lately() + listener.count_held_joining(listener.joining_allows() + 1) <= listener.joining_allows()
        end
$$;

-- Whether so many may join now, all or none, singly as above; and whether those may of them who were held before. What comes
-- of it is written down by the statement that asks. Who is held keeps nobody else out, as far as the limit allows, and joins
-- when all who are held fit.
create or replace function listener.may_join(asked bigint, asked_again bigint, out lets_in boolean, out lets_in_again boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    allowed constant bigint := listener.joining_allows();
    left_over bigint;
begin
    perform from listener.brake where brake.only_row for update;
    -- A separate statement, which sees rows committed before the lock was had.
    left_over := allowed - listener.joined_lately() - asked;
    lets_in := left_over >= 0;
    lets_in_again := left_over >= greatest(listener.count_held_joining(allowed + 1), asked_again);
    delete from listener.joined where joined.slot < clock_timestamp() - interval '20 minutes';
end;
$$;
