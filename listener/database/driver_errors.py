"""Meanings of the driver's errors. The classes share no base, and a class can have several causes."""

import re

import asyncpg

DRIVER_ERRORS: tuple[type[Exception], ...] = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

CONNECTION_ERRORS: tuple[type[Exception], ...] = (OSError, TimeoutError, *DRIVER_ERRORS)
"""A connection could not be made, used or kept."""

CONNECTION_OVER: tuple[type[asyncpg.PostgresError], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidCachedStatementError,
)
"""Only another connection helps. Any other code may come from a trigger of the LMS's."""

SESSION_ENDED: tuple[type[Exception], ...] = (
    ConnectionError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
"""Somebody ended the session: the next one may work."""

LOCKED: tuple[type[asyncpg.PostgresError], ...] = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)
"""Another session held a lock."""

INTERRUPTED: tuple[type[asyncpg.PostgresError], ...] = (*LOCKED, asyncpg.QueryCanceledError)
"""The statement gave way to another session: the next attempt on the same connection may succeed."""

REPLACED = re.compile(r"cache lookup failed for |could not open relation with OID |tuple concurrently ")
"""Postgres's message, in every language, if a function or a view was dropped during use."""


def as_error(warning: asyncpg.PostgresWarning) -> asyncpg.PostgresError:
    """A statement may fail with a code of the classes 01 and 02, as a trigger may choose. The driver raises a warning
    then, which no handler of errors catches, and which contextlib cannot handle."""
    error = asyncpg.PostgresError(str(getattr(warning, "message", "")))
    error.__dict__.update(warning.__dict__)
    return error


def was_raised(error: asyncpg.PostgresError) -> bool:
    """Whether a statement, such as a trigger's, chose a code that stands for the end of the connection: Postgres itself
    ends a connection with severity FATAL."""
    code = error.sqlstate or ""
    return error.severity_en == "ERROR" and code.startswith(("08", "57P"))


def was_replaced(error: asyncpg.PostgresError) -> bool:
    """Whether a function or a view was replaced while the statement ran, as `listener install` does."""
    return isinstance(error, asyncpg.InternalServerError) and REPLACED.match(str(error)) is not None


def may_be_renamed(error: asyncpg.PostgresError) -> bool:
    """Whether a table, column or type of the LMS's may have another name, type or owner now, or a rule (0A000)."""
    code = error.sqlstate or ""
    return code.startswith("42") or code in ("3F000", "22P02", "0A000")


def is_checkpoint_taken(error: asyncpg.UniqueViolationError) -> bool:
    """Whether another daemon wrote the same checkpoint first."""
    return (error.schema_name, error.constraint_name) == ("listener", "checkpoint_pkey")


def hidden_table(error: asyncpg.InsufficientPrivilegeError) -> str | None:
    """The table with rows that row-level security would have hidden; None if the error has another cause."""
    if error.server_source_function != "check_enable_rls":
        return None
    quoted = re.search(r'["«»„]([^"«»„“]+)["«»“]', str(error))  # in any language of the server's
    return quoted[1].strip() if quoted else "a table"
