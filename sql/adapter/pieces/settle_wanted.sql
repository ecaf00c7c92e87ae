-- Makes the enrollments of these profiles what they should be: as the query wants them. Returns what came of it, for each
-- of whom there is something to say: what was done, or why it has to wait. With its owner's rights: the daemon's role
-- needs none on the LMS's tables, and the LMS's own triggers on enrollments run as if the owner had enrolled.
create or replace function listener.settle(profile_ids {{profile_key_type}}[], singly boolean default false)
returns table (
    profile_id {{profile_key_type}}, course_id {{course_key_type}}, done text, waits_for text, error text
)
language plpgsql security definer set search_path = {{lms_search_path}} as $$
#variable_conflict use_column
declare
    one_id {{profile_key_type}};
begin
    -- One profile, one savepoint: an error is an answer here, not the end of the batch. Past a second nothing is tried any
    -- more, so that a transaction stays short however many have to wait for locks.
    if singly then
        foreach one_id in array profile_ids loop
            begin
                if clock_timestamp() > statement_timestamp() + interval '1 second' then
                    return query
                    select
                        one_id,
                        null::{{course_key_type}},
                        null::text,
                        'failed'::text,
                        'put off: others before it took too long'::text;
                else
                    return query select settled.* from listener.settle(array[one_id]) as settled;
                end if;
            exception when others then
                return query
                select one_id, null::{{course_key_type}}, null::text, 'failed'::text, sqlstate || ': ' || sqlerrm;
            end;
        end loop;
        return;
    end if;
    {{expect_enrollment_table}}
    return query
    with wanted as materialized (
        select distinct
            wanted.profile_id::{{profile_key_type}} as profile_id,
            wanted.course_id::{{course_key_type}} as course_id
        from (
            {{wanted_query}}
        ) as wanted(profile_id, course_id)
        where wanted.profile_id = any (profile_ids) and wanted.course_id is not null
    ),

    {{who_asks}}{{seats}},

    asked_course as materialized (
        select distinct asked.course_id as id
        from {{asked}}
    ),

    -- Each course's row is locked as its foreign key would lock it, but without waiting for whoever holds it.
    open_course as materialized (
        select {{course_key:course}} as id
        from {{course_table}} as course
        where {{course_key:course}} = any (array(select asked_course.id from asked_course))
        for key share skip locked
    ),

    enrolled as (
        {{enroll_wanted}}
    ){{taken_back}},

    outcome as (
        select
            enrolled.profile_id,
            enrolled.course_id,
            {{enrolled_word}} as done,
            null as waits_for,
            null as error
        from enrolled
        union all
        select
            to_enroll.id,
            to_enroll.course_id,
            null,
            case when course.is_there then 'course_locked' else 'failed' end,
            case when not course.is_there then 'there is no course ' || to_enroll.course_id::text end
        from to_enroll
        cross join lateral (
            select exists (
                select from {{course_table}} as course
                where {{course_key:course}} = to_enroll.course_id
                offset 0
            ) as is_there
        ) as course
        where
            -- As a rule none of them is missing, and nobody is asked about.
            (select count(*) from open_course) < (select count(*) from asked_course)
            and not to_enroll.is_there
            and to_enroll.course_id not in (select open_course.id from open_course){{taken_back_outcome}}{{seats_outcome}}
    )

    select outcome.profile_id, outcome.course_id, outcome.done, outcome.waits_for, outcome.error
    from outcome;
    {{expect_enrollment_columns}}
end;
$$;
