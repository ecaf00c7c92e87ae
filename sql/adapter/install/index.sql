-- Every statement of the daemon looks up enrollments by profile.
create index if not exists listener_enrollment_profile on {{enrollment_table}} ({{enrollment_profile_name}});
