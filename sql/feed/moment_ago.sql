-- The moment that was so long ago, or null if it has no date.
select moment.at
from (select clock_timestamp() - ($1::text)::interval as at) as moment
where isfinite(moment.at)
