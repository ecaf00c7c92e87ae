if cardinality(profiles) > 0 then
        -- At most 100 to a note: a batch can be cut between notes, and a note stays within its page.
        if cardinality(profiles) <= 100 then
            insert into listener.change (source, operation, profile_ids)
            values ({{watched_source}}, lower(tg_op), profiles);
        else
            insert into listener.change (source, operation, profile_ids)
            select {{watched_source}}, lower(tg_op), profiles[first : first + 99]
            from generate_series(1, cardinality(profiles), 100) as first;
        end if;
        {{ring}}
    end if;
