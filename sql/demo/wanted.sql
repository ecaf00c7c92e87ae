select profiles.id, courses.id
from profiles
left join subscriptions on subscriptions.profile_id = profiles.id
inner join courses on courses.plan in ('free', subscriptions.plan)
where profiles.role = 'student'
