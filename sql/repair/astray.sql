-- The rows that stand in a key's way, as places in the table: found in one pass, however many there are.
select
    astray.table_oid,
    array_agg(astray.row_id::text order by astray.row_id) as places
from (
    {{astray}}
) as astray
group by astray.table_oid
