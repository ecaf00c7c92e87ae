-- Who signs up under the same key later is somebody else. (What is there still, for want of a foreign key, is still to
        -- be taken back.)
        -- What the daemon holds at this moment is passed over: nobody waits for it.
        with gone as (
            select made.ctid
            from listener.made_enrollment as made
            where
                made.profile_id = any (array(select deleted.{{key_name}} from deleted))
                and {{is_gone}}
            for update skip locked
        )
        delete from listener.made_enrollment where ctid = any (array(select gone.ctid from gone));
