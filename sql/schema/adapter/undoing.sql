-- What was done since a moment, or by a rule: for each profile in each course, the action that would restore the state
-- before. `first_id` and `last_id` are the first and the last row of that history; `removed_id` the first that has the
-- content of a removed row. An enrollment is untouched that is as its last row says, and was not touched between two
-- rows. An enrollment in its former state is left out.
create or replace function listener.undoable(since timestamptz, of_rule integer)
returns table (
    profile_id {{profile_key_type}}, course_id {{course_key_type}}, first_id bigint, last_id bigint, removed_id bigint,
    becomes text, is_untouched boolean
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
    {{expect_enrollments}}
    return query
    with done as materialized (
        select
            history.*,
            lag(history.done) over of_pair as done_before,
            lag(history.row_key) over of_pair as row_key_before,
            lag(history.status) over of_pair as status_before,
            row_number() over of_pair as number,
            row_number() over (
                partition by history.profile_id, history.course_id order by history.id desc
            ) as number_from_last
        from listener.history
        where
            (undoable.since is null or history.at >= undoable.since)
            and (undoable.of_rule is null or history.rule = undoable.of_rule)
        window of_pair as (partition by history.profile_id, history.course_id order by history.id)
    ),

    -- The content of the first removed row.
    removed as materialized (
        select distinct on (done.profile_id, done.course_id)
            done.profile_id,
            done.course_id,
            done.id,
            done.row_key,
            done.was ->> {{enrollment_status_label}} as status
        from done
        where done.done = 'removed'
        order by done.profile_id, done.course_id, done.id
    ),

    pair as materialized (
        select
            done.profile_id,
            done.course_id,
            min(done.id) as first_id,
            max(done.id) as last_id,
            min(done.done) filter (where done.number = 1) as first_done,
            min(done.was #>> '{}') filter (where done.number = 1) as first_was,
            min(done.done) filter (where done.number_from_last = 1) as last_done,
            min(done.row_key) filter (where done.number_from_last = 1) as row_key,
            min(done.status) filter (where done.number_from_last = 1) as status,
            bool_or(done.cause = 'undo') filter (where done.number_from_last = 1) as last_undone,
            bool_and(
                case
                    when done.number = 1 then true
                    when done.was is null then done.done_before = 'removed'
                    else
                        done.done_before <> 'removed'
                        and done.row_key_before is not distinct from done.row_key
                        and (jsonb_typeof(done.was) = 'object' or done.status_before is not distinct from done.was #>> '{}')
                end
            ) as is_unbroken
        from done
        group by done.profile_id, done.course_id
    )

    select
        pair.profile_id,
        pair.course_id,
        pair.first_id,
        pair.last_id,
        removed.id,
        to_do.becomes,
        pair.is_unbroken and case
            when pair.last_done = 'removed' then not exists (
                select from {{enrollment_table}} as enrollment
                where
                    {{enrollment_profile:enrollment}} = pair.profile_id
                    and {{enrollment_course:enrollment}} = pair.course_id
            )
            else exists (
                select from {{enrollment_table}} as enrollment
                where
                    {{enrollment_profile:enrollment}} = pair.profile_id
                    and {{enrollment_course:enrollment}} = pair.course_id
                    and {{row_key:enrollment}} is not distinct from pair.row_key
                    and ({{enrollment_status:enrollment}})::text is not distinct from pair.status
                    {{is_alone}}
            )
        end
    from pair
    left join removed on removed.profile_id = pair.profile_id and removed.course_id = pair.course_id
    cross join lateral (
        select
            case
                when pair.first_was is null then case when pair.last_done <> 'removed' then 'removed' end
                when removed.id is null
                    then case
                        when pair.first_was is distinct from pair.status
                            then case pair.first_done when 'returned' then 'suspended' else 'returned' end
                    end
                -- The same row is there again, or, without a key of its own, a row that was put back.
                when
                    pair.last_done <> 'removed'
                    and coalesce(pair.row_key = removed.row_key, pair.last_undone)
                    and case pair.first_done when 'removed' then removed.status else pair.first_was end
                    is not distinct from pair.status
                    then null
                else 'returned'
            end as becomes
    ) as to_do
    where to_do.becomes is not null
    order by pair.last_id;
end;
$$;

-- Reverses these rows of the history, last first: each profile in each course separately, so that a refusal stops no
-- other. `done` is null where another session has touched the enrollment meanwhile; `error` has the refusal. The brake
-- is not asked. The undo is written into the history as an undo, and into the ledger.
create or replace function listener.undo(first_ids bigint[], last_ids bigint[], removed_ids bigint[])
returns table (profile_id {{profile_key_type}}, course_id {{course_key_type}}, done text, error text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    first_done listener.history;
    last_done listener.history;
    put_back jsonb;
    gone jsonb;
    made bigint;
    new_status text;
    row_key text;
    rule_now constant integer := (select max(rule.number) from listener.rule);
    lms_path text;
    names text;
    is_over boolean := false;
    problem_context text;
begin
    perform set_config('listener.cause', 'undo', true);
    {{expect_enrollments}}
    if {{by_lms_path}} then
        lms_path := current_setting('search_path');
        perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    end if;
    for place in reverse cardinality(first_ids)..1 loop
        exit when is_over;
        first_done := null;
        last_done := null;
        put_back := null;
        select history.* from listener.history where history.id = first_ids[place] into first_done;
        select history.* from listener.history where history.id = last_ids[place] into last_done;
        select history.was from listener.history where history.id = removed_ids[place] into put_back;
        continue when first_done.id is null or last_done.id is null;
        profile_id := first_done.profile_id;
        course_id := first_done.course_id;
        done := null;
        error := null;
        begin
            set constraints all deferred;
            if last_done.done <> 'removed' and (first_done.was is null or put_back is not null) then
                gone := null;
                with deleted as (
                    delete from {{enrollment_table}} as enrollment
                    where
                        {{enrollment_profile:enrollment}} = undo.profile_id
                        and {{enrollment_course:enrollment}} = undo.course_id
                        and {{row_key:enrollment}} is not distinct from last_done.row_key
                        and ({{enrollment_status:enrollment}})::text is not distinct from last_done.status
                        {{is_alone}}
                    returning to_jsonb(enrollment) as content
                )

                select deleted.content
                from deleted
                where {{by_lms_path}}
                into gone;
                {{own_path_again}}
                if gone is null then
                    raise exception using errcode = 'LT000', message = 'somebody has touched it meanwhile';
                end if;
                done := 'removed';
                insert into listener.history (profile_id, course_id, done, row_key, was, cause, rule)
                values (undo.profile_id, undo.course_id, 'removed', last_done.row_key, gone, 'undo', rule_now);
            end if;
            if first_done.was is not null and put_back is not null then
                if exists (
                    select from {{enrollment_table}} as enrollment
                    where
                        {{enrollment_profile:enrollment}} = undo.profile_id
                        and {{enrollment_course:enrollment}} = undo.course_id
                ) then
                    raise exception using errcode = 'LT000', message = 'somebody has touched it meanwhile';
                end if;
                --: if has_status
                if first_done.done <> 'removed' then
                    put_back := put_back || jsonb_build_object({{enrollment_status_label}}, first_done.was);
                end if;
                --: end
                -- The earlier row, with the row's own key. Columns renamed or dropped since then get the default.
                names := (
                    select string_agg(format('%I', attribute.attname), ', ' order by attribute.attnum)
                    from pg_catalog.pg_attribute as attribute
                    where
                        attribute.attrelid = {{enrollment_table_oid}}::oid
                        and attribute.attnum > 0
                        and not attribute.attisdropped
                        and attribute.attgenerated = ''
                        and put_back ? attribute.attname::text
                );
                execute format(
                    'with made as ('
                    'insert into %1$s (%2$s) overriding system value '
                    'select %2$s from pg_catalog.jsonb_populate_record(null::%1$s, $1) returning 1'
                    ') select count(*) from made '
                    'where (select pg_catalog.set_config(''search_path'', $2, true)) is not null',
                    {{enrollment_table_oid}}::oid::regclass, names
                )
                using put_back, lms_path
                into made;
                {{own_path_again}}
                row_key := null;
                select {{row_key:enrollment}}, ({{enrollment_status:enrollment}})::text
                from {{enrollment_table}} as enrollment
                where
                    {{enrollment_profile:enrollment}} = undo.profile_id
                    and {{enrollment_course:enrollment}} = undo.course_id
                into row_key, new_status;
                if made = 0 or not found then
                    raise exception 'a trigger of the LMS''s made no enrollment of it';
                end if;
                done := 'returned';
                insert into listener.history (profile_id, course_id, done, row_key, status, cause, rule)
                values (undo.profile_id, undo.course_id, 'returned', row_key, new_status, 'undo', rule_now);
            --: if has_status
            elsif first_done.was is not null then
                new_status := null;
                with changed as (
                    update {{enrollment_table}} as enrollment
                    set
                        {{enrollment_status_name}} = (
                            jsonb_populate_record(
                                null::{{enrollment_table}},
                                jsonb_build_object({{enrollment_status_label}}, first_done.was)
                            )
                        ).{{enrollment_status_name}}
                    where
                        {{enrollment_profile:enrollment}} = undo.profile_id
                        and {{enrollment_course:enrollment}} = undo.course_id
                        and {{row_key:enrollment}} is not distinct from last_done.row_key
                        and ({{enrollment_status:enrollment}})::text is not distinct from last_done.status
                        {{is_alone}}
                    returning ({{enrollment_status:enrollment}})::text as status
                )

                select changed.status
                from changed
                where {{by_lms_path}}
                into new_status;
                {{own_path_again}}
                if new_status is null then
                    raise exception using errcode = 'LT000', message = 'somebody has touched it meanwhile';
                end if;
                done := case first_done.done when 'returned' then 'suspended' else 'returned' end;
                insert into listener.history (profile_id, course_id, done, row_key, status, was, cause, rule)
                values (
                    undo.profile_id, undo.course_id, done, last_done.row_key, new_status, to_jsonb(last_done.status), 'undo',
                    rule_now
                );
            --: end
            end if;
            if first_done.was is null and first_done.done = 'enrolled' then
                delete from listener.made_enrollment as made_before
                where made_before.profile_id = undo.profile_id and made_before.course_id = undo.course_id;
            elsif first_done.done = 'returned' then
                update listener.made_enrollment as made_before
                set taken_back_at = clock_timestamp(), held_since = null, released_at = null
                where made_before.profile_id = undo.profile_id and made_before.course_id = undo.course_id;
            else
                insert into listener.made_enrollment (profile_id, course_id, row_key)
                values (undo.profile_id, undo.course_id, first_done.row_key)
                on conflict (profile_id, course_id) do update
                set row_key = excluded.row_key, taken_back_at = null, held_since = null, released_at = null;
            end if;
        exception when assert_failure or query_canceled or others then
            get stacked diagnostics problem_context = pg_exception_context;
            is_over := sqlstate = '57014' and not listener.was_raised(problem_context);
            done := null;
            error := case when sqlstate <> 'LT000' then listener.error_text(sqlstate, sqlerrm) end;
        end;
        return next;
    end loop;
end;
$$;
