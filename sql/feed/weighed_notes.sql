-- The next notes of a consumer: which notes fit into a batch that weighs {{most}} (at least the first, at any weight),
-- which is the last that fits, and at least the first note that does not fit, where there are more.
select
    note.*,
    note.weight_so_far <= greatest({{most}}, note.weight) as fits,
    note.weight_so_far <= greatest({{most}}, note.weight)
    and (note.weight_so_far + note.next_weight <= greatest({{most}}, note.next_weight)) is not true as is_last
from (
    select
        read_ahead.*,
        sum(read_ahead.weight) over feed_order as weight_so_far,
        lead(read_ahead.weight) over feed_order as next_weight
    from (
        select next_note.*
        from (
            {{next_notes}}
        ) as next_note
        where next_note.partial_xid is null or next_note.xid = next_note.partial_xid
        order by next_note.xid, next_note.id
        limit {{most}} + 1
    ) as read_ahead
    window feed_order as (order by read_ahead.xid, read_ahead.id rows unbounded preceding)
) as note
