-- What keeps the adapter from working, and whether everything could be looked at.
select
    coalesce(json_agg(found) filter (where found.problem is not null), '[]') as problems,
    coalesce(bool_and(found.problem is not null), true) as complete
from listener.binding_problems() as found
