"""What pg_dump writes of a database, to be compared with what it wrote before."""

from tests.conftest import Database


def dump(database: Database, *options: str) -> str:
    """All that is in it, or what these options choose, without the tokens that differ each time."""
    text = database.server.run("pg_dump", *options, "-d", database.url).stdout
    return "\n".join(line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def dump_schema(database: Database) -> str:
    """Its schema, without rows."""
    return dump(database, "--schema-only")
