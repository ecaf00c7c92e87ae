-- What only a look at every row can tell.
select
    figures.students,
    figures.without_enrollment as students_without_enrollment,
    case
        when exists (select from listener.blind_note) or not listener.is_bound() then 0
        else figures.missed
    end as wanted_missing,
    (select count(distinct drifted.id) from listener.drifted_counts() as drifted) as courses_off
from listener.student_figures() as figures
