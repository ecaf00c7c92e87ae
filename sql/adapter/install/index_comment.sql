-- A table that is made like this one gets an index like this one, with its comment: uninstall knows both by it.
comment on index {{lms_schema}}.listener_enrollment_profile is 'made by listener install';
