-- Of these profiles: who has no enrollment, of any status. By key, whoever asks: whoever has none is what a plan that
-- reads the table until it finds one cannot end with.
create or replace function listener.unenrolled(among {{profile_key_type}}[])
returns setof {{profile_key_type}}
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off as $$
begin
    if cardinality(among) = 0 then
        return;
    end if;
    return query
    select profile.id
    from unnest(among) as profile(id)
    where (
        select true
        from {{enrollment_table}} as enrollment
        where {{enrollment_profile:enrollment}} = profile.id
        limit 1
    ) is null;
    {{expect_enrollment_columns}}
end;
$$;
