-- How many of these profiles ($1) have no enrollment.
select count(*)
from listener.unenrolled(($1::text[])::{{profile_key_type}}[]) as student(id)
