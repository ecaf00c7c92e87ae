case when free_course.id is not null then listener.try_move_count(free_course.id, delta_per_course.delta) end
