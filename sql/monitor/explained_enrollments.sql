select
    enrollment.course_id as course,
    enrollment.status,
    enrollment.active,
    enrollment.since
from listener.enrollments_of(($1::text)::{{profile_key_type}}) as enrollment
