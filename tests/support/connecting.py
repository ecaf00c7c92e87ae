"""Plain connections to a test's database, on which JSON arrives as on the listener's own."""

import json
from typing import Any

import asyncpg

from listener.database.connection import Connection
from listener.database.session import decode_json


async def connect(url: str, **options: Any) -> Connection:
    """A connection with nothing set but that."""
    connection: Connection = await asyncpg.connect(url, **options)
    await decode_json(connection)
    return connection


def parsed(answer: Any) -> Any:
    """JSON from any connection."""
    return json.loads(answer) if isinstance(answer, str) else answer
