"""Whether a schema called listener is ours: checked in the catalogue alone, before a read in the schema."""

import re
from functools import cache

from listener import sql
from listener.database.connection import Connection
from listener.errors import DevelopmentVersion, SchemaOfAnother, SchemaTaken

OUR_TABLE = re.compile(r"^create table listener\.(\w+)", re.MULTILINE)

INSTALLATION = [
    "only_row boolean",
    "version smallint",
    "fingerprint text",
    "mapping jsonb",
    "installed_at timestamp with time zone",
]
"""The columns of `listener.installation`, in every version that was released."""

OF_DEVELOPMENT = ["version integer" if each == "version smallint" else each for each in INSTALLATION]
"""The columns before the first release, in versions with the numbers 1 to 9."""


@cache
def tables() -> tuple[str, ...]:
    """Names of the tables that migrations make."""
    return tuple(name for file in sql.migrations() for name in OUR_TABLE.findall(sql.read(file)))


async def is_there(connection: Connection, *, mightier: bool = False) -> bool:
    """Whether there is an installation that may be read. A schema is ours if a single role owns all parts, tables are
    tables, and no table has a rule, policy or trigger. The owner's functions run with the caller's rights: so the owner
    must be the session's role, or a superuser, or have every right of the session's role. With `mightier` any owner
    will do, for a caller that calls nothing in the schema with the caller's own rights. Raises SchemaTaken,
    SchemaOfAnother, DevelopmentVersion."""
    row = await connection.fetchrow(sql.read("catalogue/schema_check"), list(tables()), INSTALLATION, OF_DEVELOPMENT)
    if row is None:
        return False
    if row["stranger"] is not None:
        more = row["strangers"] - 1
        raise SchemaTaken(what=row["stranger"] + (f" and {more} more" if more else ""))
    if row["more_than_owner"] is not None and not mightier:
        raise SchemaOfAnother(owner=row["owner"], role=row["me"], more=row["more_than_owner"])
    if row["of_development"]:
        raise DevelopmentVersion
    return True
