"""A fence: a role with more rights runs SQL with the rights of a role that has less.

SET ROLE alone is no fence: any called function could say RESET ROLE. In a SECURITY DEFINER function Postgres refuses
RESET ROLE. So all SQL that may call, plan or read things of the lesser role goes through a SECURITY DEFINER function.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from listener import sql
from listener.sql import identifier, literal

if TYPE_CHECKING:
    import asyncpg

PARAMETER = re.compile(r"\$(\d+)")

NAMES = ("listener_asks", "listener_tries")

STANDING = sql.read("database/fence", "standing")
"""The parts of the fence now: the functions' owner could let the functions run with the caller's rights. Names and
operators are qualified, because SQL behind the fence may have set another search_path."""

TYPES = sql.read("database/fence", "types")


@dataclass(frozen=True)
class Fence:
    """Runs SQL as `role`; for a superuser, or for a member of that role."""

    role: str
    for_superuser: bool

    def around(self, script: str) -> str:
        """The script, run as the role, as a part of a transaction."""
        values = {"role": identifier(self.role), "script": sql.quoted(f"\n{script}\n", "owner")}
        name = "as_superuser" if self.for_superuser else "as_member"
        return sql.render(sql.read("database/fence", name), values)

    async def put_up(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Make the functions for `through`; behind the fence, the session may change nothing that the role may not."""
        functions = sql.read("database/fence", "asks")
        names = [f"{name}(text, text[])" for name in NAMES]
        drop = "".join(f"drop function if exists pg_temp.{name};" for name in names)
        if self.for_superuser:
            give = "".join(f"alter function pg_temp.{name} owner to {identifier(self.role)};" for name in names)
            functions = f"{functions}\n{give}"
        else:
            functions = f"set local role {identifier(self.role)};\n{functions}\nreset role;"
        await connection.execute(f"begin; set transaction read write; {drop} {functions} commit")


async def through(
    connection: Any, query: str, args: tuple[Any, ...], types_of: Callable[[list[int]], Awaitable[list[str] | None]]
) -> tuple[str, tuple[Any, ...]]:
    """The same query, run by the role behind the fence. A statement that makes a temporary view or a prepared
    statement, and calls nothing, stays unchanged."""
    statement = await connection.prepare(query)
    columns, parameters = statement.get_attributes(), statement.get_parameters()
    if not columns and not query.lstrip().lower().startswith("select"):
        return query, args
    oids = [each.type.oid for each in columns] + [each.oid for each in parameters]
    names = await types_of(oids) or []
    types, given = names[: len(columns)], names[len(columns) :]

    def one_of(match: re.Match[str]) -> str:
        number = int(match[1])
        return f"(($1)[{number}]::{given[number - 1]})"

    asked = literal(PARAMETER.sub(one_of, query) if given else query)
    array = ", ".join(f"(${number}::{kind})::text" for number, kind in enumerate(given, 1))
    if not columns:
        return f"select pg_temp.listener_tries({asked}, array[{array}]::text[])", args
    definition = ", ".join(f"c{number} {kind}" for number, kind in enumerate(types, 1))
    selected = ", ".join(f"t.c{number} as {identifier(each.name)}" for number, each in enumerate(columns, 1))
    return f"select {selected} from pg_temp.listener_asks({asked}, array[{array}]::text[]) as t({definition})", args
