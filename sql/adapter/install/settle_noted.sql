-- The work of a batch of `enroll`, but for the feed: the enrollments of these profiles are made what they should be, and
-- who has to wait is set aside. Says how often each thing was done, and for whom, as far as the log has room.
create or replace function listener.settle_noted(
    noted_ids {{profile_key_type}}[],
    singly boolean,
    most_shown integer,
    out enrolled bigint,
    out returned bigint,
    out suspended bigint,
    out removed bigint,
    out examples json,
    out pending bigint,
    out pending_students json,
    out at timestamptz
)
language plpgsql as $$
#variable_conflict use_variable
declare
    waiting_ids {{profile_key_type}}[];
    waiting_for text[];
    errors text[];
begin
    enrolled := 0;
    pending := 0;
    if cardinality(noted_ids) > 0 then
        select
            count(*) filter (where outcome.done = 'enrolled'),
            count(*) filter (where outcome.done = 'returned'),
            count(*) filter (where outcome.done = 'suspended'),
            count(*) filter (where outcome.done = 'removed'),
            json_agg(
                json_build_object(
                    'done', outcome.done, 'profile_id', outcome.profile_id::text, 'course_id', outcome.course_id::text
                )
            ) filter (where outcome.done is not null and outcome.number <= most_shown),
            array_agg(outcome.profile_id) filter (where outcome.waits_for is not null),
            array_agg(outcome.waits_for) filter (where outcome.waits_for is not null),
            array_agg(outcome.error) filter (where outcome.waits_for is not null)
        from listener.settle(noted_ids, singly) with ordinality
        as outcome(profile_id, course_id, done, waits_for, error, number)
        into enrolled, returned, suspended, removed, examples, waiting_ids, waiting_for, errors;
        if waiting_ids is not null then
            -- Once, whatever for: an error is what people want to read of.
            with waiting as (
                select distinct on (outcome.profile_id) outcome.*
                from unnest(waiting_ids, waiting_for, errors) as outcome(profile_id, waits_for, error)
                order by outcome.profile_id, outcome.waits_for = 'failed' desc
            ),

            set_aside as (
                insert into listener.pending_enrollment (profile_id, reason, error, next_attempt_at)
                select
                    waiting.profile_id,
                    waiting.waits_for,
                    waiting.error,
                    case
                        when waiting.waits_for in ('no_course', 'full') then 'infinity'
                        else clock_timestamp() + interval '1 second'
                    end
                from waiting
                on conflict (profile_id) do nothing
                returning pending_enrollment.profile_id::text, pending_enrollment.reason, pending_enrollment.error
            )

            select
                (select count(*) from set_aside),
                (select json_agg(shown) from (select * from set_aside limit most_shown) as shown)
            into pending, pending_students;
        end if;
        if {{has_seats}} then
            delete from listener.pending_enrollment
            where
                pending_enrollment.reason = 'full'
                and pending_enrollment.profile_id = any (noted_ids)
                and not pending_enrollment.profile_id = any (coalesce(waiting_ids, '{}'));
        end if;
    end if;
    at := clock_timestamp();
end;
$$;
