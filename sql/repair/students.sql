-- Students, those without an enrollment, and those who were missed, in one snapshot. While blind notes are to be made
-- good, or a rename is to be followed, none counts as missed.
select
    figures.students,
    figures.without_enrollment,
    case
        when exists (select from listener.blind_note) or not listener.is_bound() then 0
        else figures.missed
    end as missed
from listener.student_figures() as figures
