-- Parts of `listener.undo`: the change of a single enrollment.

-- name: one
if last_done.done <> 'removed' and (first_done.was is null or put_back is not null) then
                gone := null;
                with deleted as (
                    delete from {{enrollment_table}} as enrollment
                    where {{is_as_it_was_left}}
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
                {{status_put_back}}
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
            {{status_again}}end if;
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

-- name: is_as_it_was_left
{{enrollment_profile:enrollment}} = undo.profile_id
                        and {{enrollment_course:enrollment}} = undo.course_id
                        and {{row_key:enrollment}} is not distinct from last_done.row_key
                        and ({{enrollment_status:enrollment}})::text is not distinct from last_done.status{{is_alone}}

-- name: status_put_back
if first_done.done <> 'removed' then
                    put_back := put_back || jsonb_build_object({{enrollment_status_label}}, first_done.was);
                end if;

-- name: status_again
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
                    where {{is_as_it_was_left}}
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
            
