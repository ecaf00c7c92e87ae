"""What `listener install --plan` foretells."""

from tests.conftest import Database
from tests.support.dumping import dump
from tests.support.process import listener


def foretold(database: Database, **settings: object) -> list[str]:
    """What a preview says below the table of what was found; nothing may change, and no name be told."""
    before = dump(database)
    done = listener(database.url, "install", "--plan", check=False, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert dump(database) == before
    assert "Lovelace" not in done.stdout
    assert "The LMS in this database" in done.stdout
    lines = done.stdout.splitlines()
    return lines[next(number for number, line in enumerate(lines) if line.startswith("who would join")) :]
