select wanted.course_id::text as course
from listener.wanted(array[($1::text)::{{profile_key_type}}]) as wanted
order by 1
