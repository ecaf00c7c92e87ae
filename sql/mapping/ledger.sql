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

-- name: is_gone
not exists (
                select from {{enrollment_table}} as enrollment
                where
                    {{enrollment_profile:enrollment}} = made.profile_id
                    and {{enrollment_course:enrollment}} = made.course_id
            )

-- name: profile_deleted
-- (A row that went to another partition is there.)
        elsif tg_op = 'DELETE' then
            {{expect_profiles}}
            {{expect_enrollments}}
            with gone as (
                select made.ctid
                from listener.made_enrollment as made
                where
                    made.profile_id = old.{{key_name}}
                    and not exists (
                        select from {{profiles}} as profile
                        where profile.{{key_name}} = old.{{key_name}}
                    )
                    and {{is_gone}}
                for update skip locked
            )
            delete from listener.made_enrollment where ctid = any (array(select gone.ctid from gone));

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
