select exists (
    select from listener.students(array[($1::text)::{{profile_key_type}}])
)
