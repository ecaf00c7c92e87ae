-- What a role of `install --grant-now` may call, from the LMS's own transactions, and nothing else of this schema.
grant usage on schema listener to {{now_grantees}};
grant execute on function
    listener.enroll_now({{profile_key_type}}),
    listener.settled({{profile_key_type}})
to {{now_grantees}};
