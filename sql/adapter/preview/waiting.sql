select pending_enrollment.profile_id::text::{{profile_key_type}} as profile_id
    from listener.pending_enrollment
