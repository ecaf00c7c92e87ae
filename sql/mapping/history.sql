-- A part of `listener.settle` where a history is kept.

-- name: history
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
        select known.*
        from (
            select
                joined.*,
                --: if says_why
                wanted.because
                --: else
                null::text as because
                --: end
            from (
                select
                    enrolled.profile_id,
                    enrolled.course_id,
                    --: if takes_back
                    case
                        when
                            (enrolled.profile_id, enrolled.course_id) in (
                                select standing.profile_id, standing.course_id from standing where standing.taken_back
                            )
                            then 'returned'
                        else 'enrolled'
                    end as done,
                    --: else
                    'enrolled' as done,
                    --: end
                    enrolled.row_key,
                    enrolled.status,
                    null::jsonb as was
                from enrolled
                --: if suspends
                union all
                select
                    returned.profile_id,
                    returned.course_id,
                    'returned',
                    returned.row_key,
                    returned.status,
                    to_jsonb({{inactive_value}}::text)
                from returned
                --: end
            ) as joined
            --: if says_why
            -- (A full join is never planned as nested loops, however the session is tuned.)
            full join wanted
                on wanted.profile_id = joined.profile_id and wanted.course_id = joined.course_id
            offset 0
            --: end
        ) as known
        where known.profile_id is not null
        --: if takes_back
        union all
        select
            left_course.profile_id,
            left_course.course_id,
            {{left_word}},
            left_course.row_key,
            left_course.status,
            --: if suspends
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
            --: else
            left_course.was,
            --: end
            null
        from left_course
        --: end
    ) as each
),
