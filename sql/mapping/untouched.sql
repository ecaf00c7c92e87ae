pg_catalog.record_image_eq(row({{columns:new}}), row({{columns:old}}))
