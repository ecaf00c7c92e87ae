-- A batch moves the counts of all its courses by one call, listener.move_counts; before, it was a call for each. A program
-- that knows the one does not go with the other, and the version says so.
comment on column listener.checkpoint.changes is 'notes that it handled, or passed over';
