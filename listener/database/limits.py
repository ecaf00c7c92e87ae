"""Time limits of a session: ours, whatever the role, the database or the server sets for others."""

LIMITS = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "300000",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
}
"""Every one that a session may set, in milliseconds: from version 14 on that for idle sessions, from 17 on that for
transactions. A session that waits for something sets less."""

MEANING = {
    "quote_all_identifiers": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "restrict_nonsystem_relation_kind": "",
}
"""What our own statements rely on, and nothing of the LMS's can: that a name is told as it is, that each statement sees
what is committed, that views may be read. (How dates and numbers are written is left to the LMS: so its triggers, which
run in our sessions, find it.)"""

SINCE = {"idle_session_timeout": 14, "transaction_timeout": 17}
"""The first version that has them."""

LOOK_SECONDS = 300
"""Longest time for a statement of a command that only looks: it may read whole tables."""

LOOK_LOCK_SECONDS = 2
"""It waits for a lock no longer: others wait behind it."""

LOOKS = {"statement_timeout": f"{LOOK_SECONDS}s", "lock_timeout": f"{LOOK_LOCK_SECONDS}s"}


def local(version: int, **others: str) -> str:
    """SQL that sets them for one transaction on a server of this version."""
    values = LIMITS | others | {"quote_all_identifiers": MEANING["quote_all_identifiers"]}
    return " ".join(f"set local {name} = '{value}';" for name, value in values.items() if SINCE.get(name, 0) <= version)
