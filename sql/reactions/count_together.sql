with moved as materialized (
    select moved.id
    from listener.move_counts(
        array(select move.course_id from move where move.free order by move.course_id),
        array(select move.delta from move where move.free order by move.course_id)
    ) as moved(id)
)

select
    move.*,
    case when move.free and move.course_id not in (select moved.id from moved) then 'gone' end as error
from move
