"""What a role may do, asked before it is needed: so that nobody is blind without knowing."""

from listener import sql
from listener.connection import Connection
from listener.errors import Blinded, MayNot
from listener.mapping import Mapping


async def check_installer(connection: Connection, mapping: Mapping) -> None:
    """Raise Blinded if row-level security would hide rows from views that this role owns; MayNot if it lacks rights."""
    hidden = [
        table.label
        for table in mapping.tables
        if await connection.fetchval("select row_security_active($1::text::regclass)", str(table))
    ]
    if hidden:
        role = await connection.fetchval("select current_user")
        raise Blinded(tables=", ".join(hidden), role=role, does="would own the views")


async def check_runtime(connection: Connection, mapping: Mapping) -> None:
    """Raise MayNot or Blinded if the daemon could not work, or not see everything, under this role."""
    schemas, names = zip(*((table.schema, table.name) for table in mapping.tables), strict=True)
    row = await connection.fetchrow(sql.read("catalogue/rights"), schemas, names)
    assert row is not None
    role = row["role"]
    if row["lacking"]:
        raise MayNot(
            role=role,
            action=f"work: it lacks {row['lacking'][0]}",
            mend=f"run `listener install --grant-to {role}` as the owner",
        )
    if row["hidden"]:
        raise Blinded(tables=", ".join(row["hidden"]), role=row["owner"], does="owns the views of schema listener")
