-- The database's figures ($1: most rows counted, $2: consumers) and problems, in one statement: a daemon asks for both
-- every few seconds, though it has nothing else to do.
select figures.*, problems.*
from (
    {{figures}}
) as figures
cross join (
    {{problems}}
) as problems
