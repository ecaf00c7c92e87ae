-- A heartbeat: it is sent to everyone who listens, with a query that travels along.
with looked as (
    {{query}}
)

select looked.*
from looked, pg_notify($1, $2)
