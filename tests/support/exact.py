"""Questions at the end of a sample school. All are 0 if nobody is missing or enrolled twice, and counts are exact."""

TWICE = "select count(*) from (select user_id from enrollments group by user_id having count(*) > 1) as twice"
MISSING = """
select count(*) from profiles
where role = 'student' and not exists (select from enrollments where user_id = profiles.id)
"""
INEXACT = """
select count(*) from courses
where enrollments <> (select count(*) from enrollments where course_id = courses.id and status = 'active')
"""
