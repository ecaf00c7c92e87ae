-- What each of the reactions that were installed does, by its name.
select coalesce(json_object_agg(reaction.name, reaction.text), '{}') as texts
from listener.reaction
