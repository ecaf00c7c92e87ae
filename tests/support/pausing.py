"""Pausing a reaction, as users do, beside a daemon that looks often."""

from tests.conftest import Database
from tests.support.process import listener

FEW = 100
SIGN_UP = "insert into profiles (role) select 'student' from generate_series(1, $1::int)"
FAST = {"heartbeat_seconds": 0.5, "sample_seconds": 0.1, "audit_seconds": 0.2, "retention_seconds": 0}


def pause(database: Database, *arguments: str) -> str:
    """What `listener pause` says."""
    return listener(database.url, "pause", *arguments).stdout


def resume(database: Database, name: str) -> str:
    """What `listener resume` says."""
    return listener(database.url, "resume", name).stdout
