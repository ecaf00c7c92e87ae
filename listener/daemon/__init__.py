"""A daemon's life: connect, lead or stand by, hear writers ring, reconnect, stop.

The main loop is `Leader.main_loop` (`leader`): `listener run` comes to it by `process.run` and `Daemon.run` (`daemon`),
which begins it on each connection. `chores` are the leader's duties on a timer; `standby` waits for the lead;
`transitions` reports both. `doorbell` hears NOTIFY, and knows nothing of changes. Behind a transaction pooler `polling`
replaces it. `news` is how the leader learns of a pause or a replay. May import the common modules, `database`, `feed`,
`catalogue`, `instruments`, `http`, `reactions` and `repair`. Begin with `leader`, then `daemon`.
"""
