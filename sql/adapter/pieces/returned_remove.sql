-- Whoever comes back after a removal is among those who are enrolled.
    returned as (
        select standing.profile_id, standing.course_id
        from standing
        where false
    )
