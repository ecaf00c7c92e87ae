if repair_count.count_column = {{count_column_name}} then
        update {{course_table}} as course
        set {{count_column}} = coalesce(course.{{count_column}}, 0) + repair_count.drift
        where {{course_key:course}} = repair_count.off_course_id;
        return true;
    end if;
