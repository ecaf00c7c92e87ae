"""What the page *SQL reference* names is there, with these columns and arguments."""

import re

from listener.database.connection import Connection
from tests.support.project import ROOT

PAGE = (ROOT / "docs" / "sql.md").read_text(encoding="utf-8")
VIEW = re.compile(r"^\| `(?:listener\.)?(\w+)` \| (`\w+`(?:, `\w+`)*) \|", re.MULTILINE)
FUNCTION = re.compile(r"^\| `(?:listener\.)?(\w+)\((.*?)\)`", re.MULTILINE)
TABLE = re.compile(r"^\| `listener\.(\w+)` \| [^`|]", re.MULTILINE)
COLUMNS = """
select array_agg(attname::text order by attnum) from pg_attribute where attrelid = $1::text::regclass and attnum > 0
"""


async def test_every_view_has_these_columns(connection: Connection) -> None:
    views = VIEW.findall(PAGE)
    assert len(views) == 8
    for name, columns in views:
        schema = "public" if name.startswith("profile_") else "listener"
        assert await connection.fetchval(COLUMNS, f"{schema}.{name}") == re.findall(r"\w+", columns), name


async def test_every_function_has_these_arguments(connection: Connection) -> None:
    functions = FUNCTION.findall(PAGE)
    assert len(functions) == 5
    for name, arguments in functions:
        found = await connection.fetchval("select pg_get_function_arguments(oid) from pg_proc where proname = $1", name)
        given = re.sub(r"(::interval|OUT .*|TABLE.*)", "", found.replace("DEFAULT", "default")).strip(", ")
        wanted = arguments.replace("key", "uuid").replace("'1 hour'", "'01:00:00'")
        assert given == wanted, name


async def test_every_table_is_there(connection: Connection) -> None:
    tables = TABLE.findall(PAGE)
    assert len(tables) == 5
    for name in tables:
        assert await connection.fetchval("select to_regclass($1) is not null", f"listener.{name}"), name
