-- Nothing tells one row of the same pair from another: of several, none is known to be ours.
            and (
                select count(*)
                from {{enrollment_table}} as same
                where
                    {{enrollment_profile:same}} = {{enrollment_profile:enrollment}}
                    and {{enrollment_course:same}} = {{enrollment_course:enrollment}}
            ) = 1