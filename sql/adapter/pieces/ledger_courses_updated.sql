begin
        if {{course_key:new}} is distinct from {{course_key:old}} then
            with free as (
                select made.ctid
                from listener.made_enrollment as made
                where made.course_id = {{course_key:old}}
                for update skip locked
            ),
            left_behind as (
                delete from listener.made_enrollment as made
                where made.ctid = any (array(select free.ctid from free))
                returning made.*
            )
            insert into listener.made_enrollment (profile_id, course_id, row_key, made_at, taken_back_at)
            select
                left_behind.profile_id,
                {{course_key:new}},
                left_behind.row_key,
                left_behind.made_at,
                left_behind.taken_back_at
            from left_behind
            on conflict (profile_id, course_id) do update
            set row_key = excluded.row_key, made_at = excluded.made_at, taken_back_at = excluded.taken_back_at;
        end if;
    exception when others then
        perform listener.note_blindly('profiles', 'update', sqlstate);
    end;
