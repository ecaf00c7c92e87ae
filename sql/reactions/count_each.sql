select
    move.*,
    case when move.free then listener.try_move_count(move.course_id, move.delta) end as error
from move
