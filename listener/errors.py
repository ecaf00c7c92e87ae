"""All errors, in words for the user. An error's docstring is the message."""

import inspect

from listener.texts import cut


class ListenerError(Exception):
    """Something went wrong: {detail}."""

    exit_status = 2

    def __init__(self, **details: object) -> None:
        self.details = details
        told = {name: cut(each) if isinstance(each, str) else each for name, each in details.items()}
        super().__init__(" ".join(inspect.cleandoc(type(self).__doc__ or "").split()).format(**told))

    @property
    def lines(self) -> list[str]:
        """For people: a single line, unless there are several questions."""
        return [str(self)]


class UnknownSetting(ListenerError):
    """{name} is not a setting{hint}: `listener run --help` and `listener install --help` list all of them."""


class WrongSetting(ListenerError):
    """{name}: {problem}."""


class WrongFile(ListenerError):
    """{file}: {problem}."""


class UnknownSchool(ListenerError):
    """there is no school {name} in {folder}: its settings would stand in {name}.env."""


class NobodyNamed(ListenerError):
    """say which schools, or --all: this removes what is installed."""


class PortTaken(ListenerError):
    """LISTENER_HTTP_PORT: cannot listen on {address}: {reason}. Another process may leave it soon, or choose another
    port."""

    exit_status = 75  # EX_TEMPFAIL of sysexits.h: worth another start


class Unreachable(ListenerError):
    """cannot reach the database at {address}: {reason}. The address is that of LISTENER_ADMIN_URL or
    LISTENER_DATABASE_URL, or else of libpq's PGHOST, PGUSER, …."""


class Unanswered(ListenerError):
    """the server has not answered a statement for {seconds:.0f} s, and does not work on it: the connection was given
    up, and nothing after that statement was done."""


class LostConnection(ListenerError):
    """the connection to the database was lost in the middle of this command: {reason}. Nothing after it was done: try
    again."""


class SessionEnded(ListenerError):
    """this session was ended while it was idle, and the server takes another one: somebody ended it, a time limit of
    the server's or a pooler's did, or it was lost on the way."""


class ServerRestarted(ListenerError):
    """the server was restarted."""


class NotInstalled(ListenerError):
    """schema `listener` is not in database {database}: run `listener install` first."""


class WrongVersion(ListenerError):
    """schema `listener` is version {installed}, this program needs version {needed}: {mend}."""


class DevelopmentVersion(WrongVersion):
    """what is installed was made by a development version of this program, from before the first release: run
    `listener uninstall`, and `listener install` with the same settings. Nothing is lost in your tables; `listener sync`
    enrolls who signed up meanwhile."""


class UnknownRecord(ListenerError):
    """what is installed in schema listener (version {installed}) was recorded in a form that this program does not
    know: run `listener uninstall`, then `listener install` and `listener sync`."""


class TableNotFound(ListenerError):
    """cannot find the {what} table: {reason}."""


class ShapeNotUnderstood(ListenerError):
    """cannot tell {what} of {table}: {reason}."""


class Ambiguous(ListenerError):
    """cannot tell {what}: {candidates} fit about as well. Set {setting}."""


class Undecided(ListenerError):
    """cannot tell {what}: {reason}. Set {setting}."""

    lasts = False
    """Whether to ask although an earlier installation knew the answer."""


class WhoIsAStudent(Undecided):
    """cannot tell who is a student: {reason}. Set {setting}."""


class Unclear(Undecided):
    """cannot tell {what}: {reason}. Set {setting}."""

    lasts = True


class Questions(Undecided):
    """{count} things cannot be told; nothing is changed until they are."""

    def __init__(self, questions: list[str], *, lasts: bool) -> None:
        super().__init__(count=len(questions))
        self.told = [self.args[0], *questions]
        self.args = ("\n".join(self.told),)
        self.lasts = lasts

    @property
    def lines(self) -> list[str]:
        return self.told


class NotRouted(ListenerError):
    """LISTENER_WANTED_QUERY cannot be watched: {what}. Set {setting}."""


class NotByKey(ListenerError):
    """LISTENER_WANTED_QUERY cannot be asked about one profile without reading all of {table}: {why}. Mend that, or set
    LISTENER_WANTED_PLAN=any."""


class SchemaTaken(ListenerError):
    """a schema called listener is there, and holds something that is not ours: {what}. Rename or drop it, then
    install."""


class InstalledMeanwhile(ListenerError):
    """another session installed schema listener at the same moment: run `listener install` again."""


class SchemaOfAnother(ListenerError):
    """schema listener belongs to {owner}, whose functions would run with the rights of {role} ({more}): connect as
    {owner}, or as a role that `listener install --grant-to` named. If {owner} has no business with it, run `listener
    uninstall` as {owner} or as a superuser, then install."""


class TablesOfAnother(ListenerError):
    """{problem}."""


class FenceChanged(ListenerError):
    """something of {role}'s, run while you looked, has changed what keeps it from your rights: connect as {role}, and
    look at the triggers, casts and functions on its tables."""


class NotTheirOwner(ListenerError):
    """{role} is a superuser, and your tables are not a superuser's: what is installed runs with its owner's rights, and
    belongs to the owner of your tables. Name another role by --owner, or none."""


class SeveralOwners(ListenerError):
    """your tables belong to several roles: {table} to {owner}, others not ({others}). Say by --owner which of them
    is to own what is installed. It needs SELECT and TRIGGER on the others' tables, and the owner of any of these tables
    has its rights."""


class TriggersInTheWay(ListenerError):
    """triggers here already do this work: {triggers}. `listener install --take-over` disables them, and
    `listener uninstall` enables them again."""


class MixedTrigger(ListenerError):
    """cannot take over {trigger}: its function {function} also writes to {others}. Take the part that {does}
    out of it by hand, then install."""


class NoSuchRole(ListenerError):
    """there is no role {role!r} to grant to: create it first."""


class Blinded(ListenerError):
    """row-level security on {tables} hides rows from {role}, who {does}: that is for the owner of these tables, or for
    a role with BYPASSRLS; and forced row-level security binds the owner, too, whatever its policies say, until
    `alter table … no force row level security`."""


class Forced(Blinded):
    """row-level security is forced on {tables}, so that it hides rows from {role}, the owner, too, whatever its
    policies say: `{mend}` first."""


class MayNot(ListenerError):
    """the role {role} may not {action}: {mend}."""


class StatementFailed(ListenerError):
    """the database refused a statement: {reason} ({sqlstate}). Nothing after it was done."""


class ChangedMeanwhile(StatementFailed):
    """another session made or dropped what this command was about to use, as `listener install` and migrations do
    ({reason}): try again. Nothing after it was done."""


class PartGone(StatementFailed):
    """something of the listener's own is gone: {reason} ({sqlstate}). Bring it back; or run `listener uninstall`, then
    `listener install`, where it is a table, and `listener install` where it is none."""


class UnknownProfile(ListenerError):
    """there is no profile {profile!r}: nothing in column {key} of {table} is that."""


class NotAKey(ListenerError):
    """{profile!r} is no key of a profile: give a value of column {key} of {table}, which is of type {type}."""


class UnknownForeignKey(ListenerError):
    """{name!r} is no foreign key of {table} to a profile or a course. Those that there are: {known}."""


class UnknownReaction(ListenerError):
    """{name!r} is no reaction. Those that there are: {known}."""


class NotReplayed(ListenerError):
    """{name} is built in, and asks the tables what is true, not the notes: to handle those again would change nothing.
    `listener sync` puts right whatever was missed."""


class NoHistory(ListenerError):
    """no history is kept here: `listener install --history-days 90` keeps one from then on."""


class UndoWhat(ListenerError):
    """say what to undo: what was done since a moment (`--since '1 hour'`), or by the rule in force (`--rule last`)."""


class PendingWhat(ListenerError):
    """`listener pending` takes list, retry or drop, not {what!r}."""


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


class NotReviewed(ListenerError):
    """nothing is changed: under this rule {numbers}, and the brake (LISTENER_BRAKE) allows {allowed} within ten
    minutes. Look at `listener install --plan`, then say `--yes`, or `--reviewed` with the number that it prints."""


class PlanMoved(ListenerError):
    """nothing is changed: rule and numbers are not those of plan {reviewed}, this is plan {number}. Look at
    `listener install --plan` again."""


class Busy(ListenerError):
    """the tables stayed locked by others, so nothing was changed: try again, or look at who holds them in
    pg_stat_activity."""


class Locked(ListenerError):
    """{table} is locked by {session}, so nothing was changed: try again after it, or {mend}."""


class TookTooLong(ListenerError):
    """a statement took more than {seconds:g} s, or somebody cancelled it: nothing after it was done."""


class MissingExtra(ListenerError):
    """`listener {command}` needs the extra [{extra}]: pip install 'enrollment-listener[{extra}]', or in a checkout pip
    install . '.[{extra}]'."""


class EmbeddedPostgresFailed(ListenerError):
    """the embedded Postgres did not start: {reason}."""


class NoSchema(ListenerError):
    """{name} {problem}."""


class NotLoaded(ListenerError):
    """the schema cannot be loaded: {statement}: {reason}."""


class RowNotMade(ListenerError):
    """cannot make a row in {table}: {why}."""


class DemoFailed(ListenerError):
    """the demo's `listener {command}` failed with exit status {status}: {output}"""


class Fenced(ListenerError):
    """another daemon has written the checkpoint first; nothing of this batch was applied."""


class Deaf(ListenerError):
    """the heartbeat did not come back within {seconds:g} s."""


class ReadOnly(ListenerError):
    """the server takes no writes: default_transaction_read_only is on, or it is a standby."""


class SessionChanged(ListenerError):
    """a trigger of the LMS's has changed {what} of the daemon's session: another session is made."""


class NoCheckpoints(ListenerError):
    """somebody has deleted what is in listener.checkpoint: what is handled is not known, and the feed starts over."""


class Subscribed(ListenerError):
    """a subscription writes this database, schema `listener` too: whatever a daemon wrote here would stop the
    subscription. No daemon leads here until it is dropped (DROP SUBSCRIPTION), as at a switchover."""


class InTheWay(ListenerError):
    """somebody waited for a table that was being read as a whole: the read was ended, and comes again later."""


class LedByAnother(ListenerError):
    """another daemon leads."""
