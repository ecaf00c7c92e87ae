select * from listener.enroll_few($1, $2)
