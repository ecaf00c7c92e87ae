-- What was made for a profile goes with it, or along with its key. (A row that went to another partition is there.)
        if tg_op <> 'INSERT' and new.{{key_name}} is distinct from old.{{key_name}} then
            with free as (
                select made.ctid
                from listener.made_enrollment as made
                where
                    made.profile_id = old.{{key_name}}
                    and not exists (
                        select from {{profiles}} as profile
                        where profile.{{key_name}} = old.{{key_name}}
                    )
                    and (tg_op = 'UPDATE' or {{is_gone}})
                for update skip locked
            ),
            left_behind as (
                delete from listener.made_enrollment as made
                where made.ctid = any (array(select free.ctid from free))
                returning made.*
            )
            insert into listener.made_enrollment (profile_id, course_id, row_key, made_at, taken_back_at)
            select
                new.{{key_name}},
                left_behind.course_id,
                left_behind.row_key,
                left_behind.made_at,
                left_behind.taken_back_at
            from left_behind
            where tg_op = 'UPDATE'
            on conflict (profile_id, course_id) do update
            set row_key = excluded.row_key, made_at = excluded.made_at, taken_back_at = excluded.taken_back_at;
        end if;
