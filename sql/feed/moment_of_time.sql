-- A moment that somebody named, or null if it is none that has a date.
select moment.at
from (select ($1::text)::timestamptz as at) as moment
where isfinite(moment.at)
