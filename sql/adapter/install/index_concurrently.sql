-- Every statement of the daemon looks up enrollments by profile. This table is large, so that the index is built while
-- others write; this cannot be part of a transaction.
create index concurrently if not exists listener_enrollment_profile on {{enrollment_table}} ({{enrollment_profile_name}});
