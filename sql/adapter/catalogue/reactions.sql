-- The reactions of one's own that are installed, and which text each has.
select
    reaction.name,
    reaction.hash
from listener.reaction
order by reaction.name
