"""A folder of reactions of one's own, as somebody keeps it beside their migrations."""

import re
from dataclasses import dataclass
from pathlib import Path

from listener.database.connection import Connection
from tests.conftest import Database
from tests.support.process import listener
from tests.support.project import ROOT

PAGE = (ROOT / "docs" / "how-to" / "reactions.md").read_text(encoding="utf-8")
FILE = re.compile(r"^-- example: reactions/welcome\.sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)

(WELCOME,) = FILE.findall(PAGE)
"""The page's example: queues each new student for a welcome, once."""

WELCOMED = "select coalesce(array_agg(profile_id order by profile_id), '{}') from welcome_queue"


async def queue(connection: Connection) -> None:
    """Make the table that it writes."""
    await connection.execute("create table welcome_queue (profile_id uuid primary key)")


@dataclass(frozen=True)
class Folder:
    """Files that are installed into a database, which has the listener already."""

    path: Path
    database: Database

    def write(self, name: str, text: str) -> None:
        """Write the reaction's file, or write it again."""
        self.path.mkdir(exist_ok=True)
        (self.path / f"{name}.sql").write_text(text, encoding="utf-8")

    def remove(self, name: str) -> None:
        """Take its file away."""
        (self.path / f"{name}.sql").unlink()

    def install(self, *options: str, database: Database | None = None) -> str:
        """Run `listener install --reactions`; what it says."""
        return listener((database or self.database).url, "install", "--reactions", str(self.path), *options).stdout

    def printed(self) -> str:
        """The part of `listener install --print` that brings the reactions."""
        everything = self.install("--print")
        return everything[everything.index("-- The reactions of one's own") :]

    def refused(self, *options: str, database: Database | None = None) -> str:
        """The one line that refuses it."""
        url = (database or self.database).url
        done = listener(url, "install", "--reactions", str(self.path), *options, check=False)
        assert done.returncode == 2, done.stdout
        assert done.stderr.startswith("listener: ")
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr


@dataclass(frozen=True)
class As(Database):
    """A database, as one of its roles reaches it."""

    role: str

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url(self.name, user=self.role)


def as_role(database: Database, role: str) -> Database:
    """The same database, as that role reaches it."""
    return As(database.server, database.name, role)
