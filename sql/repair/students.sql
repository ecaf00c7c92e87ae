-- Students, those without an enrollment, and those who were missed, in one snapshot. While blind notes are to be made
-- good, or a rename is to be followed, none counts as missed. (Where each is wanted in one course, that is all that is
-- missing.)
select
    figures.students,
    figures.without_enrollment,
    seen.missed,
    seen.missed as wanted_missing,
    0::bigint as noted
from listener.student_figures() as figures
cross join lateral (
    select
        case
            when exists (select from listener.blind_note) or not listener.is_bound() then 0
            else figures.missed
        end as missed
) as seen
