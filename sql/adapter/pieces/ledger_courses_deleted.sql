-- A course that gets the same key later is another one. (What is there still, for want of a foreign key, is still to
    -- be taken back.)
    begin
        -- What the daemon holds at this moment is passed over: nobody waits for it.
        with gone as (
            select made.ctid
            from listener.made_enrollment as made
            where
                made.course_id = any (array(select {{course_key:deleted}} from deleted))
                and {{is_gone}}
            for update skip locked
        )
        delete from listener.made_enrollment where ctid = any (array(select gone.ctid from gone));
    exception when others then
        perform listener.note_blindly('profiles', 'delete', sqlstate);
    end;
