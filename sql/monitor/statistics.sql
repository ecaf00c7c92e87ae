-- What only a look at every row can tell.
select
    figures.students,
    figures.without_enrollment as students_without_enrollment,
    (select count(distinct drifted.id) from listener.drifted_counts() as drifted) as courses_off
from listener.student_figures() as figures
