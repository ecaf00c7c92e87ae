"""A daemon's life: connect, lead or stand by, hear writers ring, reconnect, stop.

The main loop is `Leader.main_loop` (`leader`): `listener run` gets there by `process.run` and `Daemon.run` (`daemon`),
which begins the loop on each connection. `chores` are the leader's duties on a timer; `standby` waits for the lead;
`transitions` reports both. `doorbell` hears NOTIFY, and knows nothing of changes. Behind a transaction pooler `polling`
replaces `doorbell`. `news` tells the leader of a pause or a replay. May import the common modules, `database`, `feed`,
`catalogue`, `instruments`, `http`, `reactions` and `repair`. Begin with `leader`, then `daemon`.
"""
