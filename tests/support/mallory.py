"""Somebody with few rights, what a caller of their function loses, and the commands that may run one."""

import subprocess
from dataclasses import dataclass, field

from tests.conftest import Database
from tests.support.process import listener

LOOT = """
create schema loot;
create table loot.taken (by_role name, is_superuser boolean, what text);
grant usage on schema loot to public;
grant insert, select on loot.taken to public;
"""

TAKE = """
    if current_user <> 'mallory' then
        insert into loot.taken
        select current_user, role.rolsuper, '{what}'
        from pg_catalog.pg_roles as role
        where role.rolname operator(pg_catalog.=) current_user;
    end if;
"""

COMMANDS = (
    ("install", "--plan"),
    ("install", "--print"),
    ("status",),
    ("diagnose",),
    ("explain", "00000000-0000-0000-0000-000000000001"),
    ("pending",),
    ("sync", "--dry-run"),
    ("sync",),
    ("uninstall",),
    ("run",),
)
"""What reads the schema, or the tables."""


def told(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines that a command ended with, but for the daemon's log. A daemon that does not start says so in one."""
    return [line for line in done.stderr.splitlines() if not line.startswith("{") or '"start_failed"' in line]


@dataclass
class Mallory:
    """A role, in a database that has somewhere to put what was taken."""

    database: Database
    others: tuple[str, ...] = ("school",)
    """Roles besides, that may log in."""
    outputs: list[subprocess.CompletedProcess[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for role in ("mallory", *self.others):
            create = f"create role {role} login; exception when duplicate_object or unique_violation then null;"
            self.database.server.psql("postgres", f"do $$ begin {create} end $$")
        self.as_superuser(LOOT)

    def as_superuser(self, text: str) -> str:
        """Run a script as who owns the server."""
        return self.database.server.psql(self.database.name, text)

    def does(self, text: str) -> str:
        """Run a script as this role."""
        return self.acts("mallory", text)

    def acts(self, role: str, text: str) -> str:
        """Run a script as a role, in a session of its own."""
        return self.as_superuser(f"set session authorization {role};\n{text}")

    def run(self, *command: str, role: str | None = None, **settings: object) -> subprocess.CompletedProcess[str]:
        """A command of somebody else's, who may do more."""
        url = self.database.url if role is None else self.database.server.url(self.database.name, user=role)
        if command[0] == "run":
            settings = {"http_port": 0, **settings}
        done = listener(url, *command, check=False, **settings)
        assert "Traceback" not in done.stderr, done.stderr
        self.outputs.append(done)
        return done

    @property
    def loot(self) -> list[str]:
        """What was taken: whose rights, whether of a superuser, by what."""
        return self.as_superuser("select by_role, is_superuser, what from loot.taken").splitlines()
