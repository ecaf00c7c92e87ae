-- Parts: the ledger of made enrollments (`listener.made_enrollment`), and how the ledger follows courses and profiles.

-- name: enrolled_word
-- Asked of all at once: a join would be by nested loops, in a session that is tuned to touch few rows.
            case
                when
                    (compared.profile_id, compared.course_id) in (
                        select standing.profile_id, standing.course_id from standing where standing.taken_back
                    )
                    then 'returned'
                else 'enrolled'
            end

-- name: courses_deleted
-- A course that gets the same key later is another course. (A row still there, for want of a foreign key, is still to
    -- be taken back.)
    begin
        {{expect_enrollments}}
        -- Rows that the daemon holds at this moment are passed over, without a wait.
        with gone as (
            select made.ctid
            from listener.made_enrollment as made
            where
                made.course_id = any (array(select {{course_key:written}} from written))
                and {{is_gone}}
            for update skip locked
        )
        delete from listener.made_enrollment where ctid = any (array(select gone.ctid from gone));
    exception when assert_failure or others then
        perform listener.note_blindly('profiles', 'delete', sqlstate);
    end;

-- name: courses_truncated
begin
        with gone as (
            select made.ctid
            from listener.made_enrollment as made
            for update skip locked
        )
        delete from listener.made_enrollment where ctid = any (array(select gone.ctid from gone));
    exception when assert_failure or others then
        perform listener.note_blindly('profiles', 'truncate', sqlstate);
    end;

-- name: courses_updated
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
            insert into listener.made_enrollment (
                profile_id, course_id, row_key, made_at, taken_back_at, held_since, released_at
            )
            select
                left_behind.profile_id,
                {{course_key:new}},
                left_behind.row_key,
                left_behind.made_at,
                left_behind.taken_back_at,
                left_behind.held_since,
                left_behind.released_at
            from left_behind
            on conflict (profile_id, course_id) do update
            set
                row_key = excluded.row_key,
                made_at = excluded.made_at,
                taken_back_at = excluded.taken_back_at,
                held_since = excluded.held_since,
                released_at = excluded.released_at;
        end if;
    exception when assert_failure or others then
        perform listener.note_blindly('profiles', 'update', sqlstate);
    end;

-- name: is_gone
not exists (
                select from {{enrollment_table}} as enrollment
                where
                    {{enrollment_profile:enrollment}} = made.profile_id
                    and {{enrollment_course:enrollment}} = made.course_id
            )

-- name: profiles_changed
-- What was made for a profile goes with it, or along with its key. (A row that went to another partition is there.)
        if tg_op <> 'INSERT' and new.{{key_name}} is distinct from old.{{key_name}} then
            {{expect_profiles}}
            {{expect_enrollments}}
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
            insert into listener.made_enrollment (
                profile_id, course_id, row_key, made_at, taken_back_at, held_since, released_at
            )
            select
                new.{{key_name}},
                left_behind.course_id,
                left_behind.row_key,
                left_behind.made_at,
                left_behind.taken_back_at,
                left_behind.held_since,
                left_behind.released_at
            from left_behind
            where tg_op = 'UPDATE'
            on conflict (profile_id, course_id) do update
            set
                row_key = excluded.row_key,
                made_at = excluded.made_at,
                taken_back_at = excluded.taken_back_at,
                held_since = excluded.held_since,
                released_at = excluded.released_at;
        end if;

-- name: profiles_deleted
-- A later sign-up with the same key is another person. (A row still there, for want of a foreign key, is still to
        -- be taken back.)
        -- Rows that the daemon holds at this moment are passed over, without a wait.
        {{expect_enrollments}}
        with gone as (
            select made.ctid
            from listener.made_enrollment as made
            where
                made.profile_id = any (array(select written.{{key_name}} from written))
                and {{is_gone}}
            for update skip locked
        )
        delete from listener.made_enrollment where ctid = any (array(select gone.ctid from gone));

-- name: profiles_truncated
begin
            with gone as (
                select made.ctid
                from listener.made_enrollment as made
                where {{is_gone}}
                for update skip locked
            )
            delete from listener.made_enrollment where ctid = any (array(select gone.ctid from gone));
        exception when assert_failure or others then
            perform listener.note_blindly('profiles', 'truncate', sqlstate);
        end;
