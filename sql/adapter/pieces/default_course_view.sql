select {{course_key:course}} as id
        from {{course_table}} as course
        where ({{is_default_course:course}}) is true
        order by {{course_order:course}}
        limit 1
