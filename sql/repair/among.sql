enrollment.tableoid = $2 and enrollment.ctid = any (($1::text[])::tid[])
