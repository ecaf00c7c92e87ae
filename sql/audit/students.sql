-- Students, and those without an enrollment, in one snapshot.
select
    figures.students,
    figures.without_enrollment,
    figures.missed
from listener.student_figures() as figures
