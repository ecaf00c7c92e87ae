-- A heartbeat's query, now and then: while all is well, the notes of the rows written so far are trusted. (One statement
-- less than the two.)
with looked as materialized (
    {{heartbeat}}
)

select looked.*, case when looked.bound then listener.trust_notes() is null end as trusted
from looked
