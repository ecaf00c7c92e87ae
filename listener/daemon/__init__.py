"""A daemon's life: connect, lead or stand by, hear writers ring, reconnect, stop.

`process` has the signals and tasks, `daemon` the loop around one connection; `leader` (with its `chores`) and `standby`
are what is done on one, and `transitions` tells of it. `doorbell` is where a NOTIFY is heard; it knows nothing of what
the changes mean. Behind a transaction pooler `polling` takes its place. `commands` tell whoever leads to let a reaction
wait, `pauses` is what the leader makes of it; `installed` is what it makes of reactions that somebody installed.

May import every room but `demo`. Begin with `daemon`, then `leader`.
"""
