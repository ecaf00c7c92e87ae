-- The next notes that consumer {{consumer}} is to handle, in no order, and at least {{most}} + 1, if there are so many;
-- and the checkpoint before the notes. A note weighs as much as the number of profiles in the note. While a transaction
-- is cut in two (`partial_xid`), other transactions' notes are to be left for later. A consumer that is paused has no
-- checkpoint to go on from, and so no notes. A reader of notes takes `listener.seen(pg_current_snapshot())` in the same
-- statement, and writes a checkpoint of that snapshot.
select
    note.*,
    greatest(cardinality(note.profile_ids), 1) as weight,
    last_checkpoint.partial_xid,
    last_checkpoint.first_ahead,
    last_checkpoint.seq as checkpoint_seq
from (
    select
        checkpoint.seq,
        checkpoint.handled,
        checkpoint.partial_xid,
        checkpoint.partial_id,
        checkpoint.first_ahead
    from listener.checkpoint
    where
        checkpoint.consumer = {{consumer}}
        and not exists (select from listener.pause where pause.consumer = {{consumer}})
    order by checkpoint.seq desc
    limit 1
) as last_checkpoint
cross join lateral (
    {{notes_after}}
) as note
