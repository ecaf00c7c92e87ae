-- Parts of `listener.settle`: students are enrolled, have a seat, come back or leave.

-- name: free_seats
-- Seats, less the active enrollments: the course's count, and moves on the way. Null where there is no limit.
(({{course_seats:course}})::bigint - ({{course_count:course}})::bigint - coalesce(
    (
        select on_its_way.delta
        from on_its_way
        where on_its_way.course_id = {{course_key:course}}
    ),
    0
))::bigint

-- name: is_alone
-- Nothing tells rows of the same pair apart: of several, none is known to be ours.
and (
    select count(*)
    from {{enrollment_table}} as same
    where
        {{enrollment_profile:same}} = {{enrollment_profile:enrollment}}
        and {{enrollment_course:same}} = {{enrollment_course:enrollment}}
) = 1

-- name: query_settings
-- However the caller's session is tuned: the query may look something up for each profile, which only a nested loop does by
-- an index.
set enable_nestloop = on
set enable_hashjoin = on
set enable_mergejoin = on
set enable_material = on
set enable_bitmapscan = on
