"""What an error of a reaction's statement means."""

import asyncpg

ENDED = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidCachedStatementError,
)
"""What only another connection can mend. Anything else that the server answers may be the LMS's own trigger's doing,
with any code it likes."""


def may_be_renamed(error: asyncpg.PostgresError) -> bool:
    """Whether a statement may have failed because something of the LMS's has another name, type or owner now."""
    code = error.sqlstate or ""
    return code.startswith("42") or code in ("3F000", "22P02")
