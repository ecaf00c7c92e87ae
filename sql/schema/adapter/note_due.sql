-- Notes what time has made due since the last look (null: since now), and says when the next look is due; `until` is null
-- if the rule compares nothing with the time that could be looked up so. What fails is left to the audit.
create or replace function listener.note_due(
    since timestamptz, out until timestamptz, out next_in double precision
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    --: if has_moments
    until := clock_timestamp();
    --: end
    next_in := least({{due_of_each}});
exception when assert_failure or others then
    next_in := null;
end;
$$;
