-- Whether something has another name, or another number, than what the functions are bound to, and can be followed. Until
-- it is, they fail, and nothing is broken.
select
    bool_and(bound.problem is null)
    and bool_or(
        (bound.table_oid, bound.schema_name, bound.table_name, bound.name, bound.attnum)
        is distinct from (
            binding.table_oid,
            binding.schema_name,
            binding.table_name,
            binding.name,
            case when not binding.lost then binding.attnum end
        )
    ) as is_to_follow
from listener.bound_now() as bound
inner join listener.binding on binding.token = bound.token
