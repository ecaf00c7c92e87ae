select null::{{profile_key_type}} as profile_id
    where false
