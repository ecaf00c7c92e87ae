-- What was renamed, moved or made anew is bound to what it is now.
select coalesce(json_agg(followed), '[]') as followed
from listener.follow() as followed
