"""What the sessions of one database agree on by number or name: advisory locks, and the channel of NOTIFY."""

LOCK_CLASS = 0x4C495354
"""The class of this project's own advisory locks ("LIST"), each of which has a number:"""

LEADER_LOCK = 1
BELL_LOCK = 2
REPAIR_LOCK = 3
DEPUTY_LOCK = 4
BIND_LOCK = 5

CHANNEL = "listener"

LOOK = "look"
"""The word on that channel that says: somebody paused, resumed, installed or hurried something, so look at it now."""
