"""Time limits of a session: ours, in place of limits of the role, the database or the server."""

LIMITS = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "300000",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
}
"""Every limit that a session may set, in milliseconds: for idle sessions from version 14 on, for transactions from 17
on. A session that waits for something sets less."""

MEANING = {
    "quote_all_identifiers": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "exit_on_error": "off",
    "restrict_nonsystem_relation_kind": "",
}
"""Settings that our own statements rely on, and nothing of the LMS's can: names are told unquoted, each statement sees
all commits, an error that is caught ends no session, views may be read. (The form of dates and numbers is left to the
LMS, for the LMS's triggers in our sessions.)"""

SINCE = {"idle_session_timeout": 14, "transaction_timeout": 17}
"""The first version with each limit."""

LOOK_SECONDS = 300
"""Longest time for a statement of a command that only looks, maybe at whole tables."""

LOOK_LOCK_SECONDS = 2
"""Longest wait of a look for a lock: other sessions wait behind the look."""

LOOKS = {"statement_timeout": f"{LOOK_SECONDS}s", "lock_timeout": f"{LOOK_LOCK_SECONDS}s"}


def local(version: int, **others: str) -> str:
    """SQL that sets the limits for a transaction on a server of `version`."""
    values = LIMITS | others | {name: MEANING[name] for name in ("quote_all_identifiers", "exit_on_error")}
    return " ".join(f"set local {name} = '{value}';" for name, value in values.items() if SINCE.get(name, 0) <= version)
