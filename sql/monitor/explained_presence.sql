select listener.profile_is_there(($1::text)::{{profile_key_type}})
