-- For which profile a rule fails; the rule may not be installed.

-- name: keys
-- A page of profiles' keys, as text, after $1.
select {{profile_key:profile}}::text as key
from {{profile_table}} as profile
where ($1::text is null or {{profile_key:profile}} > ($1::text)::{{profile_key_type}})
order by {{profile_key:profile}}
limit $2;

-- name: ask
-- Asks the rule about profiles ($1), by key.
select count(wanted.profile_id) + count(wanted.course_id)
from (
    {{wanted_query}}
) as wanted(profile_id, course_id)
where wanted.profile_id = any (($1::text[])::{{profile_key_type}}[]);

-- name: course
-- Asks for the course that new students land in.
select found.id::text
from (
    {{default_course_view}}
) as found(id);
