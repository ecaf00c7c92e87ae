-- The brakes: limit the damage that a mistake in the rule, or in the rule's data, can do within ten minutes. One is on leaving
-- ('leaving': enrollments taken back), the other on joining ('joining': enrollments made).
insert into listener.brake (kind, number, percent)
values {{brakes}}
on conflict (kind) do update set number = excluded.number, percent = excluded.percent;

-- How many may leave, or join, within any ten minutes; null if any number.
create or replace function listener.brake_allows(of_kind text) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select
        case
            when brake.percent is null then brake.number
            else greatest(20, floor(brake.active * brake.percent / 100))::bigint
        end
    from listener.brake
    where brake.kind = of_kind
$$;

-- How many left, or joined, within the last ten minutes; of a slot cut by that limit, all.
create or replace function listener.brake_used(of_kind text) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce(sum(brake_use.number), 0)::bigint
    from listener.brake_use
    where brake_use.kind = of_kind and brake_use.slot > clock_timestamp() - interval '10 minutes 10 seconds'
$$;

-- How many are held; counted up to `most`.
create or replace function listener.count_held(of_kind text, most bigint) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select count(*)
    from (
        select from listener.made_enrollment as made where of_kind = 'leaving' and made.held_since is not null
        union all
        select from listener.pending_enrollment as pending
        where of_kind = 'joining' and pending.reason = 'held' and not pending.released
        limit most
    ) as held
$$;

-- Whether any are held, and may leave, or join, by now.
create or replace function listener.held_fit(of_kind text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select
        case
            when listener.count_held(of_kind, 1) = 0 then false
            when brake.allows is null then true
            else listener.brake_used(of_kind) + listener.count_held(of_kind, brake.allows + 1) <= brake.allows
        end
    from listener.brake_allows(of_kind) as brake(allows)
$$;
