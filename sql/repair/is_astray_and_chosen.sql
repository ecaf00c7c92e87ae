enrollment.tableoid = $2
        and enrollment.ctid = any (array(select astray.row_id from astray where astray.table_oid = $2))
