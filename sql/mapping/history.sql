-- Parts of `listener.settle`, where a history is kept: the statement that acts also writes the action down.

-- name: written
,

    history as (
        insert into listener.history (profile_id, course_id, done, row_key, status, was, cause, rule, because)
        select
            each.profile_id,
            each.course_id,
            each.done,
            each.row_key,
            each.status,
            each.was,
            settle.cause,
            (select max(rule.number) from listener.rule),
            each.because
        from (
            {{history_of_those_in}}{{history_of_those_out}}
        ) as each
    )

-- name: those_in
select
                joined.profile_id,
                joined.course_id,
                joined.done,
                joined.row_key,
                joined.status,
                joined.was,
                null::text as because
            from (
                {{history_of_joined}}
            ) as joined

-- name: those_in_with_reasons
-- (A full join is never planned as nested loops, however the session is tuned.)
            select
                known.profile_id,
                known.course_id,
                known.done,
                known.row_key,
                known.status,
                known.was,
                known.because
            from (
                select joined.*, wanted.because
                from (
                    {{history_of_joined}}
                ) as joined
                full join wanted
                    on wanted.profile_id = joined.profile_id and wanted.course_id = joined.course_id
                offset 0
            ) as known
            where known.profile_id is not null

-- name: joined
select
                    enrolled.profile_id,
                    enrolled.course_id,
                    'enrolled' as done,
                    enrolled.row_key,
                    enrolled.status,
                    null::jsonb as was
                from enrolled

-- name: joined_or_returned
select
                    enrolled.profile_id,
                    enrolled.course_id,
                    case
                        when
                            (enrolled.profile_id, enrolled.course_id) in (
                                select standing.profile_id, standing.course_id from standing where standing.taken_back
                            )
                            then 'returned'
                        else 'enrolled'
                    end as done,
                    enrolled.row_key,
                    enrolled.status,
                    null::jsonb as was
                from enrolled{{history_of_returned}}

-- name: returned_suspend
union all
                select
                    returned.profile_id,
                    returned.course_id,
                    'returned',
                    returned.row_key,
                    returned.status,
                    to_jsonb({{inactive_value}}::text)
                from returned

-- name: left_suspend
union all
            select
                left_course.profile_id,
                left_course.course_id,
                'suspended',
                left_course.row_key,
                left_course.status,
                -- The earlier status: all parts of a statement see the rows as at the statement's begin.
                (
                    select to_jsonb(({{enrollment_status:enrollment}})::text)
                    from {{enrollment_table}} as enrollment
                    where
                        {{enrollment_profile:enrollment}} = left_course.profile_id
                        and {{enrollment_course:enrollment}} = left_course.course_id
                        and {{row_key:enrollment}} is not distinct from left_course.row_key
                    limit 1
                ),
                null
            from left_course

-- name: left_remove
union all
            select
                left_course.profile_id,
                left_course.course_id,
                'removed',
                left_course.row_key,
                null,
                left_course.was,
                null
            from left_course
