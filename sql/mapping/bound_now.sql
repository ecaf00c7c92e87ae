-- The present names of all that is mapped.
select
    bound.token,
    bound.schema_name,
    bound.table_name,
    bound.name,
    bound.problem
from listener.bound_now() as bound;
