"""A session of ours: names are looked up in pg_catalog alone, and a fence can lower the rights."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeAlias

import asyncpg

from listener import sql
from listener.database.driver_errors import as_error
from listener.database.fence import NAMES, STANDING, TYPES, Fence, through
from listener.database.limits import LIMITS, LOOK_SECONDS, LOOKS, local
from listener.errors import FenceChanged

PATH = "pg_catalog, pg_temp"
"""The search_path: no other function or operator can replace Postgres's own."""

LOCAL_PATH = f"set local search_path = {PATH};"

ON_ITS_WAY_SECONDS = 10.0
"""Time for the server's answer to arrive, after the server's limit for a statement."""

READS_ONLY = "set default_transaction_read_only = on; set row_security = off; set jit = off"

SETTINGS = """
set search_path = {path};
set default_transaction_read_only = {read_only};
set row_security = {row_security};
set standard_conforming_strings = on;
set client_encoding = 'UTF8'
"""

ARRAYS = [
    {"oid": oid, "ns": "pg_catalog", "name": f"_{name}", "elemtype": element, "elemtype_name": name, "elemdelim": ","}
    | {"kind": b"b", "range_subtype": None, "attrtypoids": None, "basetype": None}
    for oid, name, element in ((1007, "int4", 23), (1022, "float8", 701))
]
"""In the form in which the driver gets them from the server. (Their numbers are the same in every database.)"""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Session(asyncpg.Connection):
    """A connection with the search_path PATH. Behind a pooler the session is shared: then each transaction brings the
    settings, and a single statement gets a transaction."""

    own_path: str | None = None
    """The search_path that the role, the database or the server sets: people write SQL for that path."""
    brings: str = ""
    """The settings that each transaction begins with, behind a pooler."""
    fence: Fence | None = None
    """Statements run behind the fence, with the rights of the tables' owner: the session's role has more."""
    standing: str | None = None
    """The parts of the fence when put up."""
    only_looks: bool = False
    backend_pid: int | None = None
    """The pid of the server's process; None behind a pooler, which may change the process."""
    asking_since: float | None = None
    """When the statement in hand was sent (monotonic seconds); None while there is none."""
    longest: float = float("inf")
    """Most seconds until a statement is answered: the server ends the statement before."""

    async def _execute(self, query: Any, *args: Any, **options: Any) -> Any:
        if self.standing is not None:
            await self.restore_settings()
        if self.fence is not None:
            if self.standing != await self.standing_now():
                raise FenceChanged(role=self.fence.role)
            query, given = await through(self, query, args[0], self._names_of_types)
            args = (given, *args[1:])
        if not self.brings or self.is_in_transaction():
            return await self._ask(query, *args, **options)
        async with self.transaction():
            return await self._ask(query, *args, **options)

    async def _ask(self, query: Any, *args: Any, **options: Any) -> Any:
        with self._asking():
            return await super()._execute(query, *args, **options)  # type: ignore[misc]

    @contextmanager
    def _asking(self) -> Iterator[None]:
        self.asking_since = time.monotonic()
        try:
            yield
        except asyncpg.PostgresWarning as warning:
            raise as_error(warning) from None
        except AttributeError as error:  # between two messages of one statement somebody ended the connection
            self._must_be_open(error)
            raise
        finally:
            self.asking_since = None

    async def standing_now(self) -> str:
        """The parts of the fence now, read outside of the fence."""
        ((standing,),) = await self._ask(STANDING, (list(NAMES),), 0, None)
        return str(standing)

    async def restore_settings(self) -> None:
        """Outside of a transaction: SQL behind the fence may have changed the session's settings."""
        if not self.is_in_transaction():
            read_only, row_security = ("on", "off") if self.only_looks else ("off", "on")
            await self._tell(SETTINGS.format(path=PATH, read_only=read_only, row_security=row_security))

    async def _names_of_types(self, oids: list[int]) -> list[str] | None:
        """The types' names in SQL, read outside of the fence."""
        ((names,),) = await self._ask(TYPES, (oids,), 0, None)
        found: list[str] | None = names
        return found

    # The watchdog may end the connection between two statements. Then asyncpg's own form of the next four methods
    # would fail with AttributeError, for want of a check that the connection is open.

    def _must_be_open(self, cause: Exception | None = None) -> None:
        if self.is_closed():
            raise asyncpg.InterfaceError("the connection is closed") from cause

    def is_in_transaction(self) -> bool:
        """As asyncpg's. Raises InterfaceError once the connection is closed."""
        self._must_be_open()
        return bool(super().is_in_transaction())

    def transaction(self, **options: Any) -> Any:
        """As asyncpg's. Raises InterfaceError once the connection is closed."""
        self._must_be_open()
        return super().transaction(**options)

    def get_server_pid(self) -> int:
        """As asyncpg's. Raises InterfaceError once the connection is closed."""
        self._must_be_open()
        return int(super().get_server_pid())

    def get_settings(self) -> Any:
        """As asyncpg's. Raises InterfaceError once the connection is closed."""
        self._must_be_open()
        return super().get_settings()

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109
        """As asyncpg's; a statement that begins a transaction brings the settings."""
        if self.standing is not None:
            await self.restore_settings()
        begins = self.brings and query.startswith("BEGIN")
        return await self._tell(f"{query} {self.brings}" if begins else query, *args, timeout=timeout)

    async def _tell(self, query: str, *args: Any, **options: Any) -> str:
        with self._asking():
            status: str = await super().execute(query, *args, **options)
        return status

    async def prepare(self, query: str, **options: Any) -> Any:
        """As asyncpg's."""
        with self._asking():
            return await super().prepare(query, **options)

    def cursor(self, *_args: Any, **_options: Any) -> Any:
        """There is none: the driver's own runs past the fence, and a watchdog does not see that it is not answered."""
        raise NotImplementedError("a cursor would run past the fence: fetch")


def cache_statements(connection: Connection, most: int) -> None:
    """From now on prepare each statement once: this session is ours alone."""
    own: Any = connection
    own._stmt_cache.set_max_size(most)
    own._stmt_cache_enabled = True


async def decode_json(connection: Connection) -> None:
    """Let json and jsonb arrive as Python values. (A driver that does not know the two types asks the server once.)"""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


def know_arrays(connection: Connection) -> None:
    """Let the driver know the arrays that our statements take and return. (It would ask each session, which takes the
    server 9 ms; so does a driver in which this cannot be said.)"""
    found: Any = connection
    with suppress(AttributeError, TypeError, KeyError):
        found._protocol.get_settings().register_data_types(ARRAYS)


def session_of(connection: Connection) -> Session | None:
    """The connection as a Session; None for another class. (`isinstance` is true of any two classes of connections.)"""
    found: Any = connection
    return found if Session in type(connection).__mro__ else None


async def pid_of(connection: Connection) -> int:
    """The server's process that runs the transaction in hand: behind a pooler it has to be asked for."""
    own = session_of(connection)
    known = None if own is None else own.backend_pid
    return int(await connection.fetchval("select pg_backend_pid()")) if known is None else known


async def look_as(connection: Connection, fence: Fence | None) -> None:
    """From now on run statements behind `fence`. (Not whole scripts, which have no arguments and return no rows.)"""
    if (own := session_of(connection)) is not None and own.fence != fence:
        own.fence = None
        if fence is not None:
            own.standing = None
            await fence.put_up(connection)
            own.standing = await own.standing_now()
            own.fence = fence


def vanished(is_local: str) -> str:
    """SQL by which the server notices a client that has died, for the session or one transaction."""
    return sql.render(sql.read("database/settings", "vanished"), {"is_local": is_local})


async def looks_only(connection: Connection) -> None:
    """From now on change nothing, and fail rather than read a part of a table: row-level security would hide rows, and
    run the policies' functions with our rights."""
    if (own := session_of(connection)) is not None and own.brings:
        limits = local(connection.get_server_version().major, **LOOKS)
        own.brings = f"{LOCAL_PATH} {limits} set local row_security = off; set transaction read only;"
    else:
        limits = " ".join(f"set {name} = '{value}';" for name, value in LOOKS.items())
        await connection.execute(f"{limits} {vanished('false')} {READS_ONLY}")
        if own is not None:
            own.only_looks = True
    if own is not None:
        own.longest = LOOK_SECONDS + ON_ITS_WAY_SECONDS


async def may_write(connection: Connection) -> None:
    """The end of `looks_only`."""
    if (own := session_of(connection)) is not None:
        own.longest = float("inf")
    if own is not None and own.brings:
        own.brings = f"{LOCAL_PATH} {local(connection.get_server_version().major)}"
    else:
        if own is not None:
            own.only_looks = False
        limits = " ".join(f"set {name} = '{LIMITS[name]}';" for name in LOOKS)
        await connection.execute(f"{limits} set default_transaction_read_only = off; reset row_security")


def own_path(connection: Connection) -> str | None:
    """The search_path that the session had at first; None if unchanged."""
    own = session_of(connection)
    return None if own is None else own.own_path


@asynccontextmanager
async def by_own_path(connection: Connection) -> AsyncIterator[None]:
    """For a single statement that changes the LMS's structure, cannot be in a transaction, and looks no name up."""
    own = session_of(connection)
    if own is None or own.brings or own.own_path is None:
        yield
        return
    set_path = "select pg_catalog.set_config('search_path', $1, false)"
    await connection.fetchval(set_path, own.own_path)
    try:
        yield
    finally:
        await connection.fetchval(set_path, PATH)
