-- What is still to be done for these profiles ($1).
select
    astray.profile_id::text,
    array_agg(astray.should_be || ' ' || coalesce(astray.course_id::text, '')) as work
from listener.astray() as astray
where astray.profile_id = any (($1::text[])::{{profile_key_type}}[])
group by astray.profile_id
