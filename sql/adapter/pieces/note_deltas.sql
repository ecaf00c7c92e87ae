if course_ids is null then
        return null;
    end if;
    insert into listener.change (source, operation, course_id, delta)
    select '{{source}}', lower(tg_op), noted.course_id, noted.delta
    from unnest(course_ids, deltas) as noted(course_id, delta);
    {{ring}}
    return null;