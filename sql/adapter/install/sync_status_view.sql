-- For the LMS's own users and scripts, in its own schema: how each profile stands. It stands on a function that is bound
-- when it runs, with the rights of whoever asks: it keeps no column from being altered or dropped.
create view {{lms_schema}}.profile_enrollment_sync_status as
select sync_status.*
from listener.profile_enrollment_sync_status() as sync_status;

comment on view {{lms_schema}}.profile_enrollment_sync_status is 'made by listener install';
