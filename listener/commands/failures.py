"""What ends a command, in words."""

import asyncpg

from listener.database.driver_errors import DRIVER_ERRORS
from listener.errors import ListenerError
from listener.reasons import reason

EXPECTED: tuple[type[Exception], ...] = (ListenerError, *DRIVER_ERRORS, ConnectionError, TimeoutError)
"""A user's mistake, and errors for which no error of ours stands."""


def told(error: Exception) -> tuple[list[str], int]:
    """Lines, one as a rule, and the exit status, for an error that is EXPECTED."""
    if isinstance(error, ListenerError):
        return error.lines, error.exit_status
    if isinstance(error, asyncpg.PostgresError):
        return [f"the database refused a statement (SQLSTATE {error.sqlstate}): {reason(error)}"], 2
    return [f"the connection to the database failed in the middle of this command: {reason(error)}. Try again"], 2
