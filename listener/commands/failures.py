"""What ends a command, in words."""

import re

import asyncpg

from listener.database.driver_errors import DRIVER_ERRORS, was_replaced
from listener.errors import ChangedMeanwhile, ListenerError, PartGone, StatementFailed
from listener.reasons import reason

EXPECTED: tuple[type[Exception], ...] = (ListenerError, *DRIVER_ERRORS, ConnectionError, TimeoutError)
"""A user's mistake, and errors for which no error of ours stands."""


OF_OURS = re.compile(r"relation \"listener\.|function listener\.")


def of_statement(error: asyncpg.PostgresError) -> StatementFailed:
    """The error for a statement that the server refused, and that no error of ours foresees."""
    if was_replaced(error):
        return ChangedMeanwhile(reason=reason(error), sqlstate=error.sqlstate)
    is_gone = isinstance(error, asyncpg.UndefinedTableError | asyncpg.UndefinedFunctionError)
    kind = PartGone if is_gone and OF_OURS.search(reason(error)) else StatementFailed
    return kind(reason=reason(error), sqlstate=error.sqlstate)


def told(error: Exception) -> tuple[list[str], int]:
    """Lines, one as a rule, and the exit status, for an error that is EXPECTED."""
    if isinstance(error, ListenerError):
        return error.lines, error.exit_status
    if isinstance(error, asyncpg.PostgresError):
        return [f"the database refused a statement (SQLSTATE {error.sqlstate}): {reason(error)}"], 2
    return [f"the connection to the database failed in the middle of this command: {reason(error)}. Try again"], 2
