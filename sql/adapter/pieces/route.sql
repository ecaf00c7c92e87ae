if route = {{route_name}} then
        return query
        select distinct {{last_step}}::{{profile_key_type}}
        from {{steps}}
        where {{first_key}} = any (keys::{{first_type}}[]) and {{last_step}} is not null;
        {{expect_route}}
    end if;
