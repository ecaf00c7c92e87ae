-- What keeps the adapter from working.
select coalesce(json_agg(found), '[]') as problems
from listener.binding_problems() as found
