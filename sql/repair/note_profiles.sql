-- Notes these profiles ($1), to be handled like whoever has just signed up, by whoever leads: two who settle the same
-- profile at the same moment would do it twice.
insert into listener.change (source, operation, profile_ids)
select 'profiles', 'insert', array_agg(chosen.id)
from (
    select
        profile.id,
        (profile.place - 1) / 100 as note
    from unnest(($1::text[])::{{profile_key_type}}[]) with ordinality as profile(id, place)
) as chosen
group by chosen.note
