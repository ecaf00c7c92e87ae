"""The installation in a database, from the record in schema `listener`."""

from dataclasses import dataclass

from listener.catalogue import ownership, schema_check
from listener.database.connection import Connection
from listener.database.session import look_as
from listener.errors import NotInstalled, SchemaOfAnother, UnknownRecord, WrongVersion
from listener.mapping import binding
from listener.mapping.mapping import Mapping

VERSION = 1
"""Version of the installed schema: the number of the last migration."""


CLOSED = """
select pg_get_userbyid(nspowner)
from pg_catalog.pg_namespace
where nspname = 'listener' and not has_schema_privilege(oid, 'usage')
"""


@dataclass(frozen=True)
class Installation:
    version: int
    fingerprint: str
    bound: binding.BoundMapping | None
    """The installed mapping; None if another version recorded another form."""

    @property
    def current(self) -> binding.BoundMapping:
        """Raises UnknownRecord."""
        if self.bound is None:
            raise UnknownRecord(installed=self.version)
        return self.bound

    @property
    def mapping(self) -> Mapping:
        """The installed mapping, with current names. Raises UnknownRecord."""
        return self.current.mapping


async def look(connection: Connection, *, mightier: bool = False) -> Installation | None:
    """The installation, or None. Raises SchemaTaken, SchemaOfAnother and DevelopmentVersion, before anything in the
    schema is read. With `mightier` the schema may belong to a role with fewer rights: from here on, statements run with
    the owner's rights."""
    if not await schema_check.is_there(connection, mightier=mightier):
        return None
    if mightier:
        await look_as(connection, await ownership.fence_of_schema(connection))
    if mightier and (owner := await connection.fetchval(CLOSED)) is not None:
        role = await connection.fetchval("select current_user")
        raise SchemaOfAnother(owner=owner, role=role, more=f"and {role} has no right to use it")
    return await recorded(connection)


async def recorded(connection: Connection) -> Installation | None:
    """The installation in a schema that was checked; None if the schema records none."""
    row = await connection.fetchrow("select version, fingerprint, mapping from listener.installation")
    if row is None:
        return None
    try:
        mapping = Mapping.from_json(row["mapping"])
    except (KeyError, TypeError):
        return Installation(row["version"], row["fingerprint"], None)
    return Installation(row["version"], row["fingerprint"], await binding.current(connection, mapping))


async def require(connection: Connection) -> Installation:
    """The installation, if the program can work with the version. Raises NotInstalled or WrongVersion."""
    return await usable(connection, await look(connection))


async def usable(connection: Connection, installed: Installation | None) -> Installation:
    """What was found, if the program can work with the version. Raises NotInstalled or WrongVersion."""
    if installed is None:
        raise NotInstalled(database=await connection.fetchval("select current_database()"))
    check_version(installed.version)
    return installed


def check_version(installed: int) -> None:
    """Raise WrongVersion unless the program works with the version."""
    if installed != VERSION:
        mend = "run `listener install`" if installed < VERSION else "update this program"
        raise WrongVersion(installed=installed, needed=VERSION, mend=mend)
