-- Rows whose moment has come are noted as if they had changed: the rule compares a column of theirs with the time. Those
-- between `since` and `until`, by its index. Returns the seconds until the next of them.
create or replace function listener.note_due_{{watched}}(since timestamptz, until timestamptz) returns double precision
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off as $$
declare
    tg_op text := 'UPDATE';
    profiles {{profile_key_type}}[];
    {{declare_keys}}
    is_due boolean;
begin
    with as_bound as materialized (
        select
            {{rule_as_bound}} as holds
    ),

    written as materialized (
        select watched.*
        from {{watched_table}} as watched
        where
            (select as_bound.holds from as_bound)
            and (
                {{due_rows}}
            )
    )

    select
        exists (select from written),
        {{keys_of_due_rows}}
        array(
            {{profiles_of_rows}}
        )
    into is_due, {{into_keys}}profiles;
    if is_due then
        {{note_watched}}
    end if;
    return least(
        {{next_due}}
    );
end;
$$;
