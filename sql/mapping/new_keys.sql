-- Parts: what is kept of a profile or a course goes along when it gets another key.

-- name: of_profile
if tg_op = 'UPDATE' then
    if new.{{key_name}} is distinct from old.{{key_name}} then
        {{expect_profiles}}
        perform listener.follow_key(
            'profile',
            old.{{key_name}}::{{profile_key_type}},
            new.{{key_name}}::{{profile_key_type}},
            is_sure => listener.is_unique_at_once(tg_relid, {{key_label}})
            or (
                not exists (select from {{profiles}} as profile where profile.{{key_name}} = old.{{key_name}})
                and (select count(*) from {{profiles}} as profile where profile.{{key_name}} = new.{{key_name}}) <= 1
            )
        );
    end if;
{{of_moved_or_deleted}}
end if;

-- name: of_moved_profile
-- It goes to another partition.
elsif tg_op = 'DELETE' and current_setting('listener.moving', true) = 'on' then
    perform set_config('listener.moved_from', old.{{key_name}}::text, true);
elsif tg_op = 'INSERT' and current_setting('listener.moving', true) = 'on' then
    begin
        if
            current_setting('listener.moved_from') <> new.{{key_name}}::text
            and
            {{key_is_left}}
        then
            perform listener.follow_key(
                'profile',
                current_setting('listener.moved_from')::{{profile_key_type}},
                new.{{key_name}}::{{profile_key_type}}
            );
        end if;
    exception when data_exception then
        null;  -- no key: these settings may be anybody's
    end;

-- name: key_is_left
-- By a row that is there no more; or the next row has come to it by the same statement, as in a shift of all keys. Where the
-- key is unique at once, that row came when the other had left.
not exists (
    select from {{profiles}} as profile
    where
        profile.{{key_name}} = {{left_key}}
        and not (
            exists (
                select
                from {{profiles}} as moved
                where
                    moved.{{key_name}} = new.{{key_name}}
                    and moved.xmin = profile.xmin
                    and moved.cmin = profile.cmin
            )
            and listener.is_unique_at_once(tg_relid, {{key_label}})
        )
)

-- name: of_course
begin
    if {{course_key:new}} is distinct from {{course_key:old}} then
        {{expect_courses}}
        perform listener.follow_key(
            'course',
            {{course_key:old}}::{{course_key_type}},
            {{course_key:new}}::{{course_key_type}},
            is_sure => listener.is_unique_at_once(tg_relid, {{course_key_label}})
            or (
                not exists (select from {{course_table}} as course where {{course_key:course}} = {{course_key:old}})
                and (select count(*) from {{course_table}} as course where {{course_key:course}} = {{course_key:new}}) <= 1
            )
        );
    end if;
exception when assert_failure or others then
    {{blindly_profiles}}
end;
