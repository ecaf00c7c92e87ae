"""Installs, upgrades and removes schema `listener`, without ever holding up a sign-up for long."""

import random
from dataclasses import dataclass

import anyio
import asyncpg

from listener import sql
from listener.connection import Connection
from listener.errors import Busy, MayNot, NotInstalled, WrongVersion
from listener.mapping import Mapping
from listener.sql import literal

VERSION = 1
"""Version of the installed schema: the number of its last migration."""

LOCK_MILLISECONDS = 200
"""How long others may have to wait behind our wait for a table's lock, at a time."""

BUSY_SECONDS = 60.0


@dataclass(frozen=True)
class Installation:
    """What is installed in a database."""

    version: int
    fingerprint: str
    mapping: Mapping


def migrations(after: int) -> list[str]:
    """Names of the migrations that lead from version `after` to VERSION."""
    names = sorted(path.stem for path in (sql.folder() / "migrations").glob("*.sql"))
    return [f"migrations/{name}" for name in names if int(name.partition("_")[0]) > after]


def script(mapping: Mapping, installed_version: int = 0) -> str:
    """The SQL, in one transaction, that brings a database from an installed version (0: none) to this one."""
    values = mapping.placeholders() | {
        "version": str(VERSION),
        "fingerprint": literal(mapping.fingerprint()),
        "mapping": literal(mapping.to_json()),
    }
    parts = [
        "begin;",
        f"set local lock_timeout = '{LOCK_MILLISECONDS}ms';",
        *(sql.render(sql.read(name), values) for name in migrations(installed_version)),
        sql.read("install/clear"),
        mapping.code(),
        sql.render(sql.read("install/record"), values),
        "commit;",
    ]
    return "\n\n".join(parts) + "\n"


async def installation(connection: Connection) -> Installation | None:
    """What is installed, or None."""
    if await connection.fetchval("select to_regclass('listener.installation')") is None:
        return None
    row = await connection.fetchrow("select version, fingerprint, mapping from listener.installation")
    if row is None:
        return None
    return Installation(row["version"], row["fingerprint"], Mapping.from_json(row["mapping"]))


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


async def install(connection: Connection, mapping: Mapping) -> bool:
    """Install or upgrade; False if there was nothing to do.

    Raises Busy if the tables stay locked, MayNot without the rights, WrongVersion for a newer installation.
    """
    installed = await installation(connection)
    if installed is not None:
        if installed.version > VERSION:
            raise WrongVersion(installed=installed.version, needed=VERSION, mend="update this program")
        if (installed.version, installed.fingerprint) == (VERSION, mapping.fingerprint()):
            return False
    await execute_patiently(connection, script(mapping, installed.version if installed else 0))
    return True


async def uninstall(connection: Connection) -> bool:
    """Remove all that was installed; False if nothing was."""
    if await installation(connection) is None:
        return False
    await execute_patiently(connection, sql.read("install/uninstall"))
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
