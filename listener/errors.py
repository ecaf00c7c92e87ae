"""What can go wrong, in the words the user reads. An error's docstring is its message."""

import inspect

import asyncpg

CONNECTION_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""All that asyncpg raises when a connection cannot be made, used or kept: its errors share no base."""

INTERRUPTED: tuple[type[asyncpg.PostgresError], ...] = (
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.QueryCanceledError,
)
"""What a statement fails with for somebody else's sake: the same statement may succeed on the same connection."""


class ListenerError(Exception):
    """Something went wrong: {detail}."""

    exit_status = 2

    def __init__(self, **details: object) -> None:
        self.details = details
        super().__init__(" ".join(inspect.cleandoc(type(self).__doc__ or "").split()).format(**details))


class UnknownSetting(ListenerError):
    """{name} is not a setting{hint}. `listener run --help` lists them all."""


class WrongSetting(ListenerError):
    """{name}: {problem}."""


class Unreachable(ListenerError):
    """cannot reach the database at {address}: {reason}. Set LISTENER_DATABASE_URL, or libpq's PGHOST, PGUSER, …."""


class NotInstalled(ListenerError):
    """schema `listener` is not in database {database}: run `listener install` first."""


class WrongVersion(ListenerError):
    """schema `listener` is version {installed}, this program needs version {needed}: {mend}."""


class UnknownRecord(ListenerError):
    """what is installed (version {installed}) was recorded in a form that this program does not know: run
    `listener uninstall`, then `listener install` and `listener sync`."""


class TableNotFound(ListenerError):
    """cannot find the {what} table: {reason}."""


class ShapeNotUnderstood(ListenerError):
    """cannot tell {what} of {table}: {reason}."""


class Ambiguous(ListenerError):
    """cannot tell {what}: {candidates} fit about as well. Set {setting}."""


class Undecided(ListenerError):
    """cannot tell {what}: {reason}. Set {setting}."""


class NotRouted(ListenerError):
    """LISTENER_WANTED_QUERY cannot be watched: {what}. Set {setting}."""


class NotByKey(ListenerError):
    """LISTENER_WANTED_QUERY cannot be asked about one profile without reading all of {table}: {why}. Mend that, or set
    LISTENER_WANTED_PLAN=any."""


class SchemaTaken(ListenerError):
    """a schema called listener is there, and holds something that is not ours: {what}. Rename or drop it, then
    install."""


class TriggersInTheWay(ListenerError):
    """triggers here already do this work: {triggers}. `listener install --take-over` disables them, and
    `listener uninstall` enables them again."""


class MixedTrigger(ListenerError):
    """cannot take over {trigger}: its function {function} also writes to {others}. Take the part that {does}
    out of it by hand, then install."""


class NoSuchRole(ListenerError):
    """there is no role {role} to grant to: create it first."""


class Blinded(ListenerError):
    """row-level security on {tables} hides rows from {role}, who {does}: install as the owner of these tables, or as
    a role with BYPASSRLS."""


class MayNot(ListenerError):
    """the role {role} may not {action}: {mend}."""


class UnknownProfile(ListenerError):
    """there is no profile {profile!r}: nothing in column {key} of {table} is that."""


class NotAKey(ListenerError):
    """{profile!r} is no key of a profile: give a value of column {key} of {table}, which is of type {type}."""


class UnknownForeignKey(ListenerError):
    """{name} is no foreign key of {table} to a profile or a course. Those that there are: {known}."""


class UnknownReaction(ListenerError):
    """{name} is no reaction. Those that there are: {known}."""


class NotReplayed(ListenerError):
    """{name} is built in, and asks the tables what is true, not the notes: to handle those again would change nothing.
    `listener sync` puts right whatever was missed."""


class NotAMoment(ListenerError):
    """--since {text!r} names no moment: say how long ago ('1 hour'), or when ('2026-05-01 12:00')."""


class Purged(ListenerError):
    """notes up to {until} are purged, so a replay since {since} would pass by what they were about, and nothing was
    done. What is younger can be had: --since '{kept_from}'."""


class WrongReaction(ListenerError):
    """{file}: {problem}."""


class NeedsStructure(ListenerError):
    """{flag} is about keys and indexes: `listener sync --structure {flag}`."""


class PlanOrPrint(ListenerError):
    """--plan says who would join and leave, --print prints the SQL: give one of the two."""


class Busy(ListenerError):
    """the tables stayed locked by others for {seconds:g} s, so nothing was changed: try again, or look at who
    holds them in pg_stat_activity."""


class MissingExtra(ListenerError):
    """`listener {command}` needs the extra [{extra}]: pip install 'enrollment-listener[{extra}]'."""


class EmbeddedPostgresFailed(ListenerError):
    """the demo's Postgres did not start: {reason}."""


class DemoFailed(ListenerError):
    """the demo's `listener {command}` failed with exit status {status}: {output}"""


class Fenced(ListenerError):
    """another daemon has written the checkpoint first; nothing of this batch was applied."""


class Deaf(ListenerError):
    """the heartbeat did not come back within {seconds:g} s."""


class ReadOnly(ListenerError):
    """the server takes no writes: default_transaction_read_only is on, or it is a standby."""


class InTheWay(ListenerError):
    """somebody waited for a table that was being read as a whole: the read was ended, and comes again later."""


class LedByAnother(ListenerError):
    """another daemon leads."""


class ConnectionClosed(ListenerError):
    """the connection was closed."""
