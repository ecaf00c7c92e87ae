begin
            with gone as (
                select made.ctid
                from listener.made_enrollment as made
                where {{is_gone}}
                for update skip locked
            )
            delete from listener.made_enrollment where ctid = any (array(select gone.ctid from gone));
        exception when others then
            perform listener.note_blindly('profiles', 'truncate', sqlstate);
        end;
