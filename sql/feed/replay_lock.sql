-- For a moment no batch is at work, and no note is purged: the next of either sees what is committed here.
set local lock_timeout = '{{lock_milliseconds}}ms';
lock table listener.checkpoint, listener.purged in share row exclusive mode;
