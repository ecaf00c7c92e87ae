case when free_course.id is not null and not listener.move_count(free_course.id, delta_per_course.delta) then 'gone' end
