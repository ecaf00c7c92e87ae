{{enrollment_profile:enrollment}} in (
                select {{enrollment_profile:chosen}}
                from {{enrollment_table}} as chosen
                where chosen.tableoid = $2 and chosen.ctid = any (($1::text[])::tid[])
            )
