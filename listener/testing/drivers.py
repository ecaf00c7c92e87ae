"""Asks one question on the app's own connection, whichever driver it is of, in whatever transaction it is in."""

import inspect
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any, TypeAlias

Rows: TypeAlias = list[dict[str, Any]]


def ask(connection: Any, query: str, *args: str) -> Rows | Awaitable[Rows]:
    """The rows, or what is to be awaited for them, as the driver has it. `query` has %s for each argument, a text.
    asyncpg, psycopg 2 and 3, SQLAlchemy (connections and sessions) and Django, by what they have in common. Raises
    TypeError for what is none of these: a pool, an engine, a cursor."""
    modules = {each.__module__.partition(".")[0] for each in type(connection).__mro__}
    needed = "execute" if modules & {"sqlalchemy", "asyncpg"} else "cursor"
    if not hasattr(connection, needed) or hasattr(connection, "acquire"):
        raise TypeError(f"give the connection or the session that the test uses, not a {type(connection).__name__}")
    if "sqlalchemy" in modules:
        return _by_sqlalchemy(connection, query, args)
    if "asyncpg" in modules:
        return _by_asyncpg(connection, query, args)
    if inspect.iscoroutinefunction(getattr(connection, "execute", None)):
        return _by_async_cursor(connection, query, args)
    with connection.cursor(**_of_tuples(modules)) as cursor:
        cursor.execute(query, args)
        return _named([each[0] for each in cursor.description], cursor.fetchall())


def then(answer: Any, use: Callable[[Any], Any]) -> Any:
    """What is made of an answer that is there, or is to be awaited."""
    if not inspect.isawaitable(answer):
        return use(answer)

    async def later() -> Any:
        used = use(await answer)
        return await used if inspect.isawaitable(used) else used

    return later()


async def _by_asyncpg(connection: Any, query: str, args: tuple[str, ...]) -> Rows:
    for number in range(1, len(args) + 1):
        query = query.replace("%s", f"${number}", 1)
    return [dict(row) for row in await connection.fetch(query, *args)]


async def _by_async_cursor(connection: Any, query: str, args: tuple[str, ...]) -> Rows:
    async with connection.cursor(**_of_tuples({"psycopg"})) as cursor:
        await cursor.execute(query, args)
        return _named([each[0] for each in cursor.description], await cursor.fetchall())


def _of_tuples(modules: set[str]) -> dict[str, Any]:
    """For a cursor whose rows are tuples, whatever rows the suite has of its connection."""
    if "psycopg" in modules:
        from psycopg.rows import tuple_row

        return {"row_factory": tuple_row}
    if "psycopg2" in modules:
        return {"cursor_factory": import_module("psycopg2.extensions").cursor}
    return {}


def _by_sqlalchemy(connection: Any, query: str, args: tuple[str, ...]) -> Rows | Awaitable[Rows]:
    from sqlalchemy import text

    for number in range(len(args)):
        query = query.replace("%s", f"(:a{number})", 1)
    statement, values = text(query), {f"a{number}": each for number, each in enumerate(args)}

    def rows(result: Any) -> Rows:
        if hasattr(connection, "expire_all"):  # what a session has read is not true any more
            connection.expire_all()
        return _named(list(result.keys()), result.fetchall())

    flushed = connection.flush() if hasattr(connection, "flush") else None
    return then(flushed, lambda _: then(connection.execute(statement, values), rows))  # type: ignore[no-any-return]


def _named(names: list[str], rows: list[Any]) -> Rows:
    return [dict(zip(names, row, strict=True)) for row in rows]
