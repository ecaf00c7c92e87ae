-- Other enrollments count now, or are counted elsewhere: no note says so of those that are there.
select listener.note_blindly('enrollments', 'install', '');
