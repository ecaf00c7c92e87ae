select * from listener.count_few($1, $2)
