-- What the listener made for this profile, as far as it keeps account.
select
    made.course_id::text as course,
    made.made_at,
    made.taken_back_at
from listener.made_enrollment as made
where made.profile_id = ($1::text)::{{profile_key_type}}
order by 1
