-- Students, and those without an enrollment, in one snapshot. Nobody is missed for whom something is to be made good.
select
    figures.students,
    figures.without_enrollment,
    case
        when exists (select from listener.blind_note) or not listener.is_bound() then 0
        else figures.missed
    end as missed
from listener.student_figures() as figures
