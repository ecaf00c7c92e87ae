case when move.free and not listener.move_count(move.course_id, move.delta) then 'gone' end
