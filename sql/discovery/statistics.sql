-- The statistics objects, of our two, in the LMS's own schema ($1) that are missing, or ours: other people's objects
-- stay.
with ours as (
    {{ours}}
),

there as (
    select
        to_regclass(format('%I.profile_enrollment_sync_status', $1::text)) as view,
        to_regprocedure(format('%I.get_enrollment_statistics()', $1::text)) as function
)

select
    there.view is null or format('view %s', there.view) in (select ours.name from ours) as status,
    there.function is null or format('function %s', there.function) in (select ours.name from ours) as function
from there
