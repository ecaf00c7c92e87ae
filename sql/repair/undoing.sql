-- `listener undo`.

-- name: look
-- The actions that would restore the state before a moment ($1), or before a rule ($2).
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
-- Runs the undo, for these rows ($1, $2 and $3: the first, the last, and the removed row from above).
select
    undone.profile_id::text as profile,
    undone.course_id::text as course,
    undone.done,
    undone.error
from listener.undo($1, $2, $3) as undone;
