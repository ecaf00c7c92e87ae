"""Installs, upgrades and removes schema `listener`, without ever holding up a sign-up for long."""

import random
from dataclasses import dataclass, replace

import anyio
import asyncpg

from listener import rendering, rights, sql, takeover
from listener.connection import Connection
from listener.discovery import Discovery, look
from listener.errors import (
    Busy,
    MayNot,
    NoSuchRole,
    NotInstalled,
    OtherKeys,
    TriggersInTheWay,
    UnknownRecord,
    WrongVersion,
)
from listener.mapping import Mapping
from listener.sql import identifier, literal

VERSION = 3
"""Version of the installed schema: the number of its last migration."""

LOCK_MILLISECONDS = 200
"""How long others may have to wait behind our wait for a table's lock, at a time."""

BUSY_SECONDS = 60.0


@dataclass(frozen=True)
class Installation:
    """What is installed in a database."""

    version: int
    fingerprint: str
    recorded: str
    """The mapping in JSON, as the program of that version wrote it."""

    @property
    def mapping(self) -> Mapping:
        """The mapping that was installed. Raises UnknownRecord if another version wrote it in another form."""
        try:
            return Mapping.from_json(self.recorded)
        except (KeyError, TypeError) as error:
            raise UnknownRecord(installed=self.version) from error


def migrations(after: int) -> list[str]:
    """Names of the migrations that lead from version `after` to VERSION."""
    names = sorted(path.stem for path in (sql.folder() / "migrations").glob("*.sql"))
    return [f"migrations/{name}" for name in names if int(name.partition("_")[0]) > after]


def before(mapping: Mapping) -> str | None:
    """A statement that must run on its own before the script, and may be repeated; None if there is none."""
    if mapping.missing_index != "large":
        return None
    return sql.render(sql.read("install/index_concurrently"), rendering.placeholders(mapping))


def script(mapping: Mapping, installed_version: int = 0) -> str:
    """The SQL, in one transaction, that brings a database from an installed version (0: none) to this one."""
    values = rendering.placeholders(mapping) | {
        "lock_milliseconds": str(LOCK_MILLISECONDS),
        "version": str(VERSION),
        "fingerprint": literal(rendering.fingerprint(mapping)),
        "mapping": literal(mapping.to_json()),
    }
    parts = [
        sql.render(sql.read("install/begin"), values),
        *(f"alter table {each.table} disable trigger {identifier(each.trigger)};" for each in mapping.taken_over),
        *(sql.render(sql.read(name), values) for name in migrations(installed_version)),
        sql.render(sql.read("install/clear"), values),
        rendering.code(mapping),
        sql.render(sql.read("install/record"), values),
        "commit;",
    ]
    return "\n\n".join(parts) + "\n"


def printed(mapping: Mapping, installed_version: int = 0) -> str:
    """All that `install` runs, for review or for psql."""
    return "\n\n".join(filter(None, (before(mapping), script(mapping, installed_version))))


@dataclass(frozen=True)
class Plan:
    """What `install` is about to do."""

    discovery: Discovery
    installed: Installation | None
    intact: bool
    """Whether all triggers of that installation are there, and enabled."""

    @property
    def mapping(self) -> Mapping:
        """The mapping to install."""
        return self.discovery.mapping

    @property
    def is_done(self) -> bool:
        """Whether exactly this is installed already."""
        done = self.installed and (self.installed.version, self.installed.fingerprint)
        return self.intact and done == (VERSION, rendering.fingerprint(self.mapping))

    def text(self) -> str:
        """The SQL that would run."""
        return printed(self.mapping, self.installed.version if self.installed else 0)


async def plan(
    connection: Connection, settings: dict[str, str], *, take_over: bool = False, grant_to: tuple[str, ...] = ()
) -> Plan:
    """Look at the database and decide what to install. Settings of an earlier installation still hold.

    Raises WrongVersion, UnknownRecord, OtherKeys, TriggersInTheWay, MixedTrigger, NoSuchRole, Blinded, and what
    `look` raises.
    """
    installed = await installation(connection)
    if installed is not None and installed.version > VERSION:
        raise WrongVersion(installed=installed.version, needed=VERSION, mend="update this program")
    earlier = installed.mapping if installed else None
    discovery = await look(connection, {**(earlier.settings if earlier else {}), **settings})
    mapping = discovery.mapping
    if earlier is not None:
        types = [(each.profile_key_type, each.course_key_type) for each in (earlier, mapping)]
        if types[0] != types[1]:
            raise OtherKeys(installed=", ".join(types[0]), found=", ".join(types[1]))
    found = await takeover.existing(connection, mapping)
    enabled = [each for each in found if each.is_enabled]
    if enabled and not take_over:
        raise TriggersInTheWay(triggers=", ".join(map(str, enabled)))
    disabled = (earlier.taken_over if earlier else ()) + takeover.taken_over(enabled)
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
    triggers = await connection.fetchrow(sql.read("audit/findings/triggers_missing"), *mapping.triggers)
    assert triggers is not None
    return Plan(replace(discovery, mapping=mapping), installed, intact=triggers["affected"] == 0)


async def installation(connection: Connection) -> Installation | None:
    """What is installed, or None."""
    if await connection.fetchval("select to_regclass('listener.installation')") is None:
        return None
    row = await connection.fetchrow("select version, fingerprint, mapping from listener.installation")
    if row is None:
        return None
    return Installation(row["version"], row["fingerprint"], row["mapping"])


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
    await execute_patiently(connection, script(planned.mapping, planned.installed.version if planned.installed else 0))
    return True


async def uninstall(connection: Connection) -> bool:
    """Remove all that was installed; False if nothing was."""
    if await installation(connection) is None:
        return False
    text = sql.render(sql.read("install/uninstall"), {"clear_statistics": sql.read("install/clear_statistics")})
    await execute_patiently(connection, text)
    return True


async def execute_patiently(connection: Connection, text: str) -> None:
    """Run a script that takes locks, again and again, until it gets them all at once within LOCK_MILLISECONDS."""
    give_up_at = anyio.current_time() + BUSY_SECONDS
    while True:
        try:
            await connection.execute(text)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            await connection.execute("rollback")
            if anyio.current_time() > give_up_at:
                raise Busy(seconds=BUSY_SECONDS) from error
            await anyio.sleep(random.uniform(0.1, 0.5))  # noqa: S311
        except asyncpg.InsufficientPrivilegeError as error:
            role = await _role_after_rollback(connection)
            raise MayNot(role=role, action=f"install ({error})", mend="install as the tables' owner") from error
        except asyncpg.PostgresError:
            await connection.execute("rollback")
            raise
        else:
            return


async def _role_after_rollback(connection: Connection) -> str:
    await connection.execute("rollback")
    return str(await connection.fetchval("select current_user"))
