if cardinality({{keys}}) > 0 then
        insert into listener.change (source, operation, route, keys)
        select {{watched_source}}, lower(tg_op), {{route_name}}, {{keys}}[first : first + 99]
        from generate_series(1, cardinality({{keys}}), 100) as first;
        {{ring}}
    end if;
