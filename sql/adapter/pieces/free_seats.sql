-- Seats, less the active enrollments: what the course's count says, and what is on its way to it. Null where there is no limit.
        (({{course_seats:course}})::bigint - ({{course_count:course}})::bigint - coalesce(
            (
                select on_its_way.delta
                from on_its_way
                where on_its_way.course_id = {{course_key:course}}
            ),
            0
        ))::bigint
