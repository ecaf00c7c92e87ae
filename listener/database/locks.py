"""Numbers and names that the sessions of a database agree on: advisory locks, and the channel of NOTIFY.

Any login may take an advisory lock, and see held locks in pg_locks. So a lock proves nothing: the session that holds
the lock is looked up (`listener.lock_holder`), and a stranger's does not count. Work for a single session at a time
within a transaction locks a table of ours instead, which no stranger can.
"""

LOCK_CLASS = 0x4C495354
"""The class of all advisory locks here ("LIST")."""

LEADER_LOCK = 1
BELL_LOCK = 2

FIRST_DEPUTY_LOCK = 16
"""If a session that is no daemon holds the leader's lock, the lowest free number from here on replaces the lock."""

CHANNEL = "listener"

LOOK = "look"
"""The message on that channel after a pause, a resume, an installation or a retry: the leader looks at once."""
