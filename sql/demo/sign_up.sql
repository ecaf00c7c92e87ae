insert into profiles (email, role, full_name)
values ('student' || $1::integer || '@example.com', 'student', 'Student ' || $1::integer);
