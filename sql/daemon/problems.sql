-- What keeps the adapter from working.
select coalesce(json_agg(problem), '[]') as problems
from listener.binding_problems() as problem
