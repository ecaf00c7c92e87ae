"""Installs, upgrades and removes schema `listener`, without ever holding up a sign-up for long."""

from dataclasses import dataclass, replace

import asyncpg

from listener import sql
from listener.adapter import binding, pieces, rendering, rights, takeover
from listener.adapter.description import students
from listener.adapter.discovery import Discovery, look
from listener.adapter.mapping import Mapping
from listener.adapter.pinning import pinned
from listener.connection import Connection
from listener.errors import (
    MayNot,
    NoSuchRole,
    NotInstalled,
    SchemaTaken,
    TriggersInTheWay,
    Undecided,
    UnknownRecord,
    WrongVersion,
)
from listener.patience import LOCK_MILLISECONDS, patiently
from listener.sql import identifier, literal

VERSION = 8
"""Version of the installed schema: the number of its last migration."""

FIRST_BOUND = 4
"""The first version whose names follow renames."""


@dataclass(frozen=True)
class Installation:
    """What is installed in a database."""

    version: int
    fingerprint: str
    now: binding.Now | None
    """The mapping that was installed; None if another version wrote it in another form."""

    @property
    def known(self) -> binding.Now:
        """The mapping that was installed, as things are now. Raises UnknownRecord."""
        if self.now is None:
            raise UnknownRecord(installed=self.version)
        return self.now

    @property
    def mapping(self) -> Mapping:
        """The mapping that was installed, under the names of now. Raises UnknownRecord."""
        return self.known.mapping


def migrations(after: int) -> list[str]:
    """Names of the migrations that lead from version `after` to VERSION."""
    names = sorted(path.stem for path in (sql.folder() / "migrations").glob("*.sql"))
    return [f"migrations/{name}" for name in names if int(name.partition("_")[0]) > after]


def before(mapping: Mapping) -> str | None:
    """A statement that must run on its own before the script, and may be repeated; None if there is none."""
    if mapping.missing_index != "large":
        return None
    return sql.render(sql.read("adapter/install/index_concurrently"), rendering.placeholders(mapping))


def script(mapping: Mapping, installed_version: int = 0, earlier: Mapping | None = None) -> str:
    """The SQL, in one transaction, that brings a database from an installed version (0: none) to this one; `earlier` is
    the mapping that was installed."""
    values = rendering.placeholders(mapping) | {
        "lock_milliseconds": str(LOCK_MILLISECONDS),
        "version": str(VERSION),
        "fingerprint": literal(pieces.fingerprint(mapping)),
        "mapping": literal(mapping.to_json()),
    }
    parts = [
        sql.render(sql.read("adapter/install/begin"), values),
        *([] if installed_version else [sql.read("adapter/install/empty_schema")]),
        *(f"alter table {each.table} disable trigger {identifier(each.trigger)};" for each in mapping.taken_over),
        *(sql.render(sql.read(name), values) for name in migrations(installed_version)),
        *([] if earlier is None else [sql.render(sql.read("adapter/install/catch_up"), values)]),
        sql.render(sql.read("adapter/install/clear"), values),
        *(sql.render(sql.read(f"adapter/install/{name}"), values) for name in conversions(mapping, earlier)),
        pieces.code(mapping),
        *([] if earlier is None or counts_alike(earlier, mapping) else [sql.read("adapter/install/recount")]),
        *([sql.read("adapter/install/look_at_everyone")] if has_new_rule(earlier, mapping) else []),
        sql.render(sql.read("adapter/install/record"), values),
        "commit;",
    ]
    return "\n\n".join(parts) + "\n"


def counts_alike(earlier: Mapping, mapping: Mapping) -> bool:
    """Whether the same enrollments count, and the counts are kept in the same place."""
    return (earlier.counts, earlier.is_counted, earlier.count_columns) == (
        mapping.counts,
        mapping.is_counted,
        mapping.count_columns,
    )


def has_new_rule(earlier: Mapping | None, mapping: Mapping) -> bool:
    """Whether a query says who should be where, and it is another one than before, or leaving means something else."""
    if mapping.wanted_query is None:
        return False
    rule = (mapping.wanted_query, mapping.on_leave, mapping.inactive_value, mapping.watched)
    return earlier is None or rule != (earlier.wanted_query, earlier.on_leave, earlier.inactive_value, earlier.watched)


def conversions(mapping: Mapping, earlier: Mapping | None) -> list[str]:
    """What makes of the feed's keys, as they were installed, keys as they are now."""
    files: list[str] = []
    if earlier is None:
        return files
    if earlier.profile_key_type != mapping.profile_key_type:
        files.append("convert_profile_keys")
    if earlier.course_key_type != mapping.course_key_type:
        files.append("convert_course_keys")
    return files


def printed(mapping: Mapping, installed_version: int = 0, earlier: Mapping | None = None) -> str:
    """All that `install` runs, for review or for psql."""
    return "\n\n".join(filter(None, (before(mapping), script(mapping, installed_version, earlier))))


@dataclass(frozen=True)
class Plan:
    """What `install` is about to do."""

    discovery: Discovery
    installed: Installation | None
    intact: bool
    """Whether all of that installation is there and works, and what it took over is still disabled."""

    @property
    def mapping(self) -> Mapping:
        """The mapping to install."""
        return self.discovery.mapping

    @property
    def is_done(self) -> bool:
        """Whether exactly this is installed already."""
        done = self.installed and (self.installed.version, self.installed.fingerprint)
        return self.intact and done == (VERSION, pieces.fingerprint(self.mapping))

    def text(self) -> str:
        """The SQL that would run."""
        return printed(
            self.mapping,
            self.installed.version if self.installed else 0,
            self.installed.mapping if self.installed else None,
        )


async def plan(
    connection: Connection, settings: dict[str, str], *, take_over: bool = False, grant_to: tuple[str, ...] = ()
) -> Plan:
    """Look at the database and decide what to install. Settings of an earlier installation still hold.

    Raises SchemaTaken, WrongVersion, UnknownRecord, TriggersInTheWay, MixedTrigger, NoSuchRole, Blinded, and what
    `look` raises.
    """
    installed = await installation(connection)
    if (
        installed is None
        and (taken := await connection.fetchval(sql.read("adapter/catalogue/schema_taken"))) is not None
    ):
        raise SchemaTaken(what=taken)
    if installed is not None and installed.version > VERSION:
        raise WrongVersion(installed=installed.version, needed=VERSION, mend="update this program")
    earlier = installed.mapping if installed else None
    kept = pinned(installed.known, settings) if installed else {}
    try:
        discovery = await look(connection, {**kept, **settings})
    except Undecided:
        if installed is None:
            raise
        kept = pinned(installed.known, settings, found_too=True)  # nothing says it any more: it was known once
        discovery = await look(connection, {**kept, **settings})
    mapping = discovery.mapping
    if earlier is not None and earlier.is_student != "true" and mapping.is_student == "true":
        rule = students(earlier)
        if not {"student_predicate", "wanted_query"} & {**kept, **settings}.keys():
            raise Undecided(
                what="who is a student",
                reason=f"until now it was {rule}, and nothing in {mapping.profile_table.label} says so any more",
                setting="LISTENER_STUDENT_PREDICATE (`true` is everyone)",
            )
    found = await takeover.existing(connection, mapping)
    enabled = [each for each in found if each.is_enabled]
    if enabled and not take_over:
        raise TriggersInTheWay(triggers=", ".join(map(str, enabled)))
    disabled = await takeover.still_there(connection, earlier.taken_over if earlier else ())
    disabled += takeover.taken_over(enabled)
    for role in grant_to:
        if not await connection.fetchval("select true from pg_catalog.pg_roles where rolname = $1", role):
            raise NoSuchRole(role=role)
    await rights.check_installer(connection, mapping)
    roles = (earlier.runtime_roles if earlier else ()) + grant_to
    mapping = replace(
        mapping,
        taken_over=tuple({(each.table, each.trigger): each for each in disabled}.values()),
        runtime_roles=tuple(dict.fromkeys(roles)),
        missing_index=mapping.missing_index or (earlier.missing_index if earlier else None),
    )
    triggers = await connection.fetchrow(sql.read("adapter/catalogue/triggers_missing"), *mapping.triggers)
    assert triggers is not None
    intact = triggers["affected"] == 0 and not enabled
    if intact and installed is not None and installed.version == VERSION:
        text = sql.render(sql.read("adapter/catalogue/intact"), {"ours": sql.read("adapter/install/ours")})
        intact = await connection.fetchval(text, len(mapping.statistics))
    return Plan(replace(discovery, mapping=mapping), installed, intact=intact)


async def installation(connection: Connection) -> Installation | None:
    """What is installed, or None."""
    if await connection.fetchval("select to_regclass('listener.installation')") is None:
        return None
    return await recorded(connection)


async def recorded(connection: Connection) -> Installation | None:
    """What is installed, where the schema is known to be there; None if nothing is recorded in it."""
    row = await connection.fetchrow("select version, fingerprint, mapping from listener.installation")
    if row is None:
        return None
    try:
        recorded = Mapping.from_json(row["mapping"])
    except (KeyError, TypeError):
        return Installation(row["version"], row["fingerprint"], None)
    if row["version"] < FIRST_BOUND:
        return Installation(row["version"], row["fingerprint"], binding.Now(recorded))
    return Installation(row["version"], row["fingerprint"], await binding.current(connection, recorded))


async def require(connection: Connection) -> Installation:
    """The installation that this program can work with. Raises NotInstalled or WrongVersion."""
    installed = await installation(connection)
    if installed is None:
        raise NotInstalled(database=await connection.fetchval("select current_database()"))
    check_version(installed.version)
    return installed


def check_version(installed: int) -> None:
    """Raise WrongVersion unless this is the version that this program works with."""
    if installed != VERSION:
        mend = "run `listener install`" if installed < VERSION else "update this program"
        raise WrongVersion(installed=installed, needed=VERSION, mend=mend)


async def install(connection: Connection, planned: Plan) -> bool:
    """Install or upgrade; False if there was nothing to do.

    Raises Busy if the tables stay locked, MayNot without the rights.
    """
    if planned.is_done:
        return False
    alone = before(planned.mapping)
    if alone is not None:
        await connection.execute(alone)
    installed = planned.installed
    await execute_patiently(
        connection,
        script(planned.mapping, installed.version if installed else 0, installed.mapping if installed else None),
    )
    return True


async def uninstall(connection: Connection) -> bool:
    """Remove all that was installed; False if nothing was."""
    if await installation(connection) is None:
        return False
    await execute_patiently(connection, uninstallation())
    return True


def uninstallation() -> str:
    """The SQL that removes all that was installed."""
    ours = {"ours": sql.read("adapter/install/ours")}
    clear_statistics = sql.render(sql.read("adapter/install/clear_statistics"), ours)
    return sql.render(sql.read("adapter/install/uninstall"), {"clear_statistics": clear_statistics})


async def execute_patiently(connection: Connection, text: str) -> None:
    """Run a script that takes locks, again and again, until it gets them all at once within LOCK_MILLISECONDS."""

    async def attempt() -> None:
        try:
            await connection.execute(text)
        except asyncpg.PostgresError as error:
            await connection.execute("rollback")
            if not isinstance(error, asyncpg.InsufficientPrivilegeError):
                raise
            role = await connection.fetchval("select current_user")
            raise MayNot(role=role, action=f"install ({error})", mend="install as the tables' owner") from error

    await patiently(attempt)
