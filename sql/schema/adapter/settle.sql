-- The reason why no enrollment was made: what the profile waits for, and the error if there is one. `open_ids` are
-- courses whose row could be locked.
create or replace function listener.not_made(course_id {{course_key_type}}, open_ids {{course_key_type}}[]) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
    if course_id is null then
        return array['no_course', null];
    elsif course_id = any (open_ids) then
        return array['failed', 'a trigger of the LMS''s made no enrollment of it'];
    end if;
    {{expect_courses}}
    if exists (select from {{course_table}} as course where {{course_key:course}} = course_id) then
        return array['course_locked', null];
    end if;
    return array['failed', 'there is no course ' || course_id::text];
end;
$$;

-- Makes the enrollments of these profiles as the query wants. Returns results worth telling: the action, or the reason
-- to wait. With the owner's rights: the daemon's role needs none on the LMS's tables, and the LMS's own triggers on
-- enrollments run as if the owner had enrolled.
--
-- The statement that writes is planned by the path of this function, so that nobody's operator, cast or function is met in
-- it. As it begins to run it sets the LMS's path, by a condition outside of the INSERT (its own would come after the LMS's
-- triggers for the statement): the LMS's triggers and defaults find what they name. What the LMS defers is done in here, too.
-- With `singly`, an error is the answer for a profile, and not the end: `listener.settle_singly`.
-- With `only_course`, nothing is done in another one. `cause` is what the LMS's triggers can read as `listener.cause`.
-- With `checked_now`, this is the transaction of somebody else, which goes on: only what is wanted is done, where no lock is held
-- that others need, and of what is deferred these keys alone are checked.
-- `may_go`: a trigger of the LMS's runs after an enrollment was made, so that it may take it away again: look whether it stays.
create or replace function listener.settle(
    profile_ids {{profile_key_type}}[],
    singly boolean default false,
    only_course {{course_key_type}} default null,
    cause text default 'retry',
    checked_now text default null
)
returns table (
    profile_id {{profile_key_type}}, course_id {{course_key_type}}, done text, waits_for text, error text, may_go boolean
)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
    if set_config('listener.cause', settle.cause, true) is null then
        null;
    end if;
    if singly then
        return query
        select each.* from listener.settle_singly(profile_ids, settle.cause) as each;
        return;
    end if;
    return query
    with as_bound as materialized (
        select
            {{rule_as_bound}} as holds
    ),

    wanted as {{wanted_once}} (
        {{select_once}}
            wanted.profile_id::{{profile_key_type}} as profile_id,
            --: if says_why
            left(wanted.because::text, 1000) as because,
            --: end
            wanted.course_id::{{course_key_type}} as course_id
        from (
            {{settled_query}}
        ) as wanted(profile_id, course_id{{because_name}})
        where
            {{is_of_these}}
            {{in_only_course:wanted}}
            --: unless only_on_joining
            and wanted.course_id is not null
            --: end
        --: if says_why
        order by wanted.profile_id, wanted.course_id, wanted.because
        --: end
    ),

    --: if by_school
    -- Profiles without an enrollment of any status in that school: the rule says so.
    {{asking}} as materialized (
        select wanted.profile_id as id, wanted.course_id, false as is_there
        from wanted
    ),

    --: else
    --: if takes_back
    {{standing}}

    --: else
    -- Profiles without an enrollment of any status.
    {{asking}} as materialized (
        select wanted.profile_id as id, wanted.course_id, false as is_there
        from wanted
        where (
            select true
            from {{enrollment_table}} as enrollment
            where
                {{enrollment_profile:enrollment}} = wanted.profile_id
                --: unless only_on_joining
                and {{enrollment_course:enrollment}} = wanted.course_id
                --: end
            limit 1
        ) is null
    ),

    --: end
    --: end
    --: if gives_seats
    {{seats}}

    --: end
    asked_course as materialized (
        select distinct {{asking_to_join}}.course_id as id
        from {{asking_to_join}}
    ),

    -- Each course's row is locked as the foreign key would, but without waiting for the row's holder.
    open_course as materialized (
        select {{course_key:course}} as id
        from {{course_table}} as course
        where {{course_key:course}} = any (array(select asked_course.id from asked_course))
        for key share skip locked
    ),

    --: if brakes_joining
    {{joining_brake}}

    --: end
    enrolled as (
        --: if observes
        -- Only looks which students would be enrolled.
        select student.id as profile_id, student.course_id
        from to_enroll as student
        where
            not student.is_there
            and (student.course_id in (select open_course.id from open_course)) is true
        --: else
        insert into {{enrollment_table}} as new_enrollment ({{enrollment_columns}})
        select student.id, student.course_id{{enrollment_values:profile}}
        from to_enroll as student
        {{enrolling_join}}
        where
            not student.is_there
            and (student.course_id in (select open_course.id from open_course)) is true
        returning
            {{enrollment_profile:new_enrollment}}::{{profile_key_type}} as profile_id,
            {{enrollment_course:new_enrollment}}::{{course_key_type}} as course_id,
            --: if keeps_history
            ({{enrollment_status:new_enrollment}})::text as status,
            --: end
            {{row_key:new_enrollment}} as row_key
        --: end
    ),

    --: if takes_back
    {{leaving}}

    --: end
    --: if brakes_joining
    {{joined}}

    --: end
    --: if keeps_history
    {{history}}

    --: end
    -- Wanted enrollments, beside the rows that were made; and why a row was not made. (A full join is never done by
    -- nested loops, whatever the session's settings.)
    compared as (
        select
            asked.id as asked_id,
            coalesce(enrolled.profile_id, asked.id) as profile_id,
            coalesce(enrolled.course_id, asked.course_id) as course_id,
            case
                when enrolled.profile_id is null
                    then listener.not_made(asked.course_id, array(select open_course.id from open_course))
            end as why_not
        from (
            select to_enroll.id, to_enroll.course_id
            from to_enroll
            where not to_enroll.is_there
        ) as asked
        full join enrolled on {{is_made_of_it}}
        offset 0
    ),

    outcome as (
        select
            compared.profile_id,
            compared.course_id,
            case
                when compared.why_not is not null then null
                when compared.asked_id is null
                    then listener.refuse_another(compared.profile_id::text, compared.course_id::text)
                --: if takes_back
                -- Asked of all at once: a join would be by nested loops, in a session that is tuned to touch few rows.
                when
                    (compared.profile_id, compared.course_id) in (
                        select standing.profile_id, standing.course_id from standing where standing.taken_back
                    )
                    then 'returned'
                --: end
                else 'enrolled'
            end as done,
            compared.why_not[1] as waits_for,
            compared.why_not[2] as error
        from compared
        --: if suspends
        union all
        select distinct returned.profile_id, returned.course_id, 'returned', null, null
        from returned
        --: end
        --: if takes_back
        union all
        select distinct left_course.profile_id, left_course.course_id, {{left_word}}, null, null
        from left_course
        union all
        select held.profile_id, held.course_id, 'held', null, null
        from held
        --: end
        --: if gives_seats
        union all
        select has_to_wait.id, has_to_wait.course_id, null, 'full', null
        from has_to_wait
        --: end
        --: if brakes_joining
        union all
        select held_joining.id, held_joining.course_id, null, 'held', null
        from held_joining
        --: end
    )

    select
        outcome.profile_id,
        outcome.course_id,
        outcome.done,
        outcome.waits_for,
        outcome.error,
        --: if makes_enrollments
        -- Whether a trigger of the LMS's runs after an enrollment was made, and may take the enrollment away again.
        exists (
            select
            from pg_catalog.pg_trigger as after_row
            where
                after_row.tgrelid = {{enrollment_table_oid}}::oid
                and not after_row.tgisinternal
                and after_row.tgtype & 6 = 4
                and after_row.tgenabled <> 'D'
                and after_row.tgname not in ('listener_insert', 'listener_update')
        )
        --: else
        false
        --: end
    from outcome
    where (select as_bound.holds from as_bound) and {{by_lms_path}};
    if settle.checked_now is null then
        set constraints all immediate;
    elsif settle.checked_now <> '' then
        execute 'set constraints ' || settle.checked_now || ' immediate';
        execute 'set constraints ' || settle.checked_now || ' deferred';
    end if;
    {{own_path}}
end;
$$;
