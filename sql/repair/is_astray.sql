exists (
        select from astray
        where astray.table_oid = enrollment.tableoid and astray.row_id = enrollment.ctid
    )
