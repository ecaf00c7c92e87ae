"""What a role may do, asked before it is needed: a role from which row-level security hides rows would find nothing
amiss."""

from listener import sql
from listener.adapter.mapping import Mapping
from listener.connection import Connection
from listener.errors import Blinded, MayNot


async def check_installer(connection: Connection, mapping: Mapping) -> None:
    """Raise Blinded if row-level security would hide rows from views that this role owns; MayNot if it lacks rights."""
    hidden = [
        table.label
        for table in mapping.tables
        if await connection.fetchval("select row_security_active($1::text::regclass)", str(table))
    ]
    if hidden:
        role = await connection.fetchval("select current_user")
        raise Blinded(tables=", ".join(hidden), role=role, does="would own the functions")


async def check_runtime(connection: Connection) -> None:
    """Raise MayNot if the daemon could not work under this role."""
    row = await connection.fetchrow(sql.read("adapter/catalogue/rights"))
    assert row is not None
    if row["lacking"]:
        raise MayNot(
            role=row["role"],
            action=f"run the daemon: it lacks {row['lacking'][0]}",
            mend=f"run `listener install --grant-to {row['role']}` as the owner",
        )


async def check_views(connection: Connection, mapping: Mapping) -> None:
    """Raise Blinded if row-level security hides rows from the owner of the views."""
    schemas, names = zip(*((table.schema, table.name) for table in mapping.tables), strict=True)
    rows = await connection.fetch(sql.read("adapter/catalogue/hidden"), schemas, names)
    if rows:
        tables = ", ".join(row["hidden"] for row in rows)
        raise Blinded(tables=tables, role=rows[0]["owner"], does="owns the functions of schema listener")
