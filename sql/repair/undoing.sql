-- `listener undo`.

-- name: look
-- What would have to be done so that it is as it was before a moment ($1), or before a rule ($2).
select
    undoable.profile_id::text as profile,
    undoable.course_id::text as course,
    undoable.first_id,
    undoable.last_id,
    undoable.removed_id,
    undoable.becomes,
    undoable.is_untouched
from listener.undoable($1, $2);

-- name: undo
-- Does it, for these ($1, $2 and $3: the first, the last, and the removed one of the rows above).
select
    undone.profile_id::text as profile,
    undone.course_id::text as course,
    undone.done,
    undone.error
from listener.undo($1, $2, $3) as undone;
