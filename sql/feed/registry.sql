-- The consumers that are not built in.

-- name: names
-- Names of the consumers that are not built in.
select array(select reaction.name from listener.reaction order by reaction.name) as names;

-- name: texts
-- The texts of the installed reactions, by name.
select coalesce(json_object_agg(reaction.name, reaction.text), '{}') as texts
from listener.reaction;
