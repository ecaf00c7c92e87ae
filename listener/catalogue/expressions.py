"""SQL for a mapping, tried first in a transaction that is rolled back.

Postgres parses the SQL of users' settings, and the listener keeps Postgres's form, which is a single expression with
qualified names and known columns. SQL of our own stays unchanged.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from listener import sql
from listener.catalogue import called
from listener.database.connection import Connection
from listener.database.driver_errors import hidden_table
from listener.database.rows import only_row
from listener.database.session import own_path
from listener.errors import Blinded, ListenerError, MayNot, WrongSetting
from listener.mapping.mapping import Table, readable
from listener.reasons import reason
from listener.row_text import STRING, over

ROW = "listener_row"
NOTHING = "listener_nothing"

# How a parse tree shows all parts of a query but WHERE and ORDER BY.
MORE_THAN_ONE_CLAUSE = re.compile(
    r":(?:hasSubLinks|hasAggs|hasWindowFuncs|hasTargetSRFs|hasModifyingCTE) true"
    r"|:(?:groupClause|groupingSets|havingQual|windowClause|distinctClause|setOperations|limitOffset|limitCount"
    r"|rowMarks|cteList) [^<]"
)
TRIED = "catalogue/expressions"
"""The file of queries about an expression under trial."""

SORTED = re.compile(r":sortClause (.)")
CLAUSE = re.compile(r"\n  (?:WHERE|ORDER BY)\s+")


async def predicate(connection: Connection, table: Table, text: str, setting: str) -> str:
    """A condition on a row of `table`, in canonical form; the row is `{row}`. Raises WrongSetting."""
    return await _understood(connection, table, "where ({text}\n)", text, setting)


async def checked(connection: Connection, table: Table, condition: str, setting: str) -> str:
    """A condition of our own over `{row}`, unchanged, once Postgres accepts it. Raises WrongSetting, MayNot."""
    statement = f"select from {table} as {ROW} where ({over(condition, ROW)}) is true limit 0"
    async with undone(connection):
        await _tried(connection, statement, readable(condition), setting)
    return condition


async def order(connection: Connection, table: Table, text: str, setting: str) -> str:
    """An ORDER BY for rows of `table`, in canonical form. Raises WrongSetting."""
    return await _understood(connection, table, "order by {text}\n", text, setting)


async def value(
    connection: Connection, table: Table, column: str, kind: str, text: str, setting: str, *, named: bool = False
) -> str:
    """A column's value of type `kind`, computed from a row of `table`; `named`: the row is called like the table.
    Raises WrongSetting."""
    clause = f"where (({{text}}\n)::{kind}) is not null"
    row = sql.identifier(table.name) if named else ROW
    understood = await _understood(connection, table, clause, text, f"{setting}, {column}", row)
    found = re.fullmatch(r"\((.*) IS NOT NULL\)", understood, re.DOTALL)
    if found is None:
        raise WrongSetting(name=setting, problem=f"{short(text)} is not an expression")
    return found[1]


async def checked_value(connection: Connection, table: Table, expression: str, kind: str, setting: str) -> str:
    """An expression of our own over `{row}`, unchanged, once Postgres accepts it as `kind`. Raises WrongSetting,
    MayNot."""
    statement = f"select ({over(expression, ROW)})::{kind} from {table} as {ROW} limit 0"
    async with undone(connection):
        await _tried(connection, statement, readable(expression), setting)
    return expression


async def query(connection: Connection, text: str, kind: str, setting: str) -> str:
    """A query of a single column of type `kind`, in canonical form, with qualified names. Raises WrongSetting."""
    async with undone(connection):
        await _make_view(connection, text, text, setting)
        await connection.execute("set local search_path = ''")
        row = await only_row(connection, sql.read(TRIED, "columns"))
        trees = "".join(each["tree"] for each in await connection.fetch(sql.read(TRIED, "trees")))
        problem = await called.problem(connection, trees)
    if problem is not None:
        raise WrongSetting(name=setting, problem=f"{short(text)} {problem}")
    if row["types"] != [kind]:
        raise WrongSetting(
            name=setting, problem=f"{short(text)} must have one column of type {kind}, not {', '.join(row['types'])}"
        )
    definition: str = row["definition"]
    return definition.strip().rstrip(";")


async def _make_view(connection: Connection, select: str, text: str, setting: str) -> None:
    """Let Postgres parse a user's SQL, by the user's search_path."""
    await by_own_path(connection)
    await _tried(connection, f"create temporary view listener_expression as {select}", text, setting)


async def by_own_path(connection: Connection) -> None:
    """For the rest of the transaction use the role's own search_path. No SQL of ours runs under that path."""
    path = own_path(connection)
    if path is not None:
        await connection.fetchval("select pg_catalog.set_config('search_path', $1, true)", path)


async def _tried(connection: Connection, statement: str, text: str, setting: str) -> None:
    """Run a statement made of `text`. The extended protocol allows a single statement only."""
    try:
        await connection.fetch(statement)
    except asyncpg.InsufficientPrivilegeError as error:
        raise may_not(connection, setting, error) from error
    except asyncpg.PostgresError as error:
        raise not_understood(text, setting, error) from error


def may_not(connection: Connection, setting: str, error: asyncpg.InsufficientPrivilegeError) -> ListenerError:
    """The error for a missing right, in a transaction that has failed."""
    role = getattr(connection.get_settings(), "session_authorization", "of this address")
    hidden = hidden_table(error)
    if hidden is not None:
        return Blinded(tables=hidden, role=role, does=f"tries {setting}")
    return MayNot(role=role, action=f"try {setting} ({reason(error)})", mend="install as the owner of the tables")


def not_understood(text: str, setting: str, error: Exception) -> WrongSetting:
    """The error for SQL that Postgres refuses."""
    return WrongSetting(name=setting, problem=f"{short(text)} is not understood: {reason(error)}")


async def _understood(
    connection: Connection, table: Table, clause: str, text: str, setting: str, row_name: str = ROW
) -> str:
    if ROW in text or NOTHING in text:
        raise WrongSetting(name=setting, problem=f"may not speak of {ROW} or {NOTHING}")
    async with undone(connection):
        # A second relation makes Postgres qualify every column.
        select = f"select 1 as one from {table} as {row_name} cross join (select 1 as one) as {NOTHING}"
        await _make_view(connection, f"{select}\n{clause.replace('{text}', text)}", text, setting)
        await connection.execute("set local search_path = ''")
        row = await only_row(connection, sql.read(TRIED, "shape"))
        problem = await called.problem(connection, row["tree"])
    more = MORE_THAN_ONE_CLAUSE.search(row["tree"]) or f"{NOTHING}." in row["definition"]
    if more or SORTED.findall(row["tree"]).count("(") != clause.startswith("order"):
        raise WrongSetting(
            name=setting, problem=f"{short(text)} is more than an expression over one row of {table.label}"
        )
    if problem is not None:
        raise WrongSetting(name=setting, problem=f"{short(text)} {problem}")
    where_or_order: str = CLAUSE.split(row["definition"], maxsplit=1)[1]
    return _over_row(where_or_order.rstrip("; \n"), row_name)


def _over_row(expression: str, name: str) -> str:
    """With `{row}` in place of the row's name, which is plain or quoted in Postgres's way. Strings stay."""
    plain = name.strip('"')
    written = rf'(?<![\w".])(?:{re.escape(plain)}|{re.escape(name)})\.'
    return re.sub(rf"({STRING})|{written}", lambda match: match[1] or "{row}.", expression)


@asynccontextmanager
async def undone(connection: Connection) -> AsyncIterator[None]:
    """A transaction, or a savepoint, that is always rolled back. Even a read-only session may make temporary views
    there."""
    is_whole = not connection.is_in_transaction()
    transaction = connection.transaction()
    await transaction.start()
    try:
        if is_whole:
            await connection.execute("set transaction read write")
        yield
    finally:
        await transaction.rollback()


async def literal(connection: Connection, text: str, kind: str, setting: str) -> str:
    """A constant of type `kind`. Raises WrongSetting."""
    constant = f"{sql.literal(text)}::{kind}"
    async with undone(connection):
        try:
            await connection.fetch(f"select {constant}")
        except asyncpg.PostgresError as error:
            raise WrongSetting(name=setting, problem=f"{short(text)} is no {kind}: {reason(error)}") from error
    return constant


def short(text: str) -> str:
    """A user's SQL on a single line, cut."""
    line = " ".join(text.split())
    return repr(line if len(line) <= 80 else line[:77] + "...")
