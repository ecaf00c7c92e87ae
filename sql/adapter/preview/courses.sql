select
        {{course_key:course}}::{{course_key_type}} as id,
        null::bigint as free
    from {{course_table}} as course
