"""A Supabase project, as far as Postgres alone can be one: its roles, schemas and rights, and a school in it.

What it has not: Supabase's own extensions (supautils among them, which narrows down what `postgres` may do), its API,
and Supavisor, in whose place stands PgBouncer.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import USER, Server

FOLDER = Path(__file__).parent
ADMIN = "supabase_admin"
"""The superuser, whom nobody but Supabase may be."""
PASSWORD = "as Supabase made it up"
REFERENCE = "abcdefghijklmnopqrst"
"""The project's, which its poolers want behind the name of a role."""

ACCESS = f"""
local all {ADMIN} trust
host all {ADMIN} 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True)
class Project:
    """One project, with its database `postgres`."""

    server: Server

    def direct(self, role: str, password: str) -> str:
        """The address without a pooler."""
        return self.server.url(user=role, password=password.replace(" ", "%20"))

    def sql(self, text: str, *, role: str = USER) -> str:
        """The bare values that `text` answers to `postgres`, or to the superuser; it is run in one piece."""
        return self.psql(text, "-At", role=role)

    def psql(self, text: str, *options: str, role: str = USER) -> str:
        """What psql prints of it, with these options."""
        address = self.server.url(user=ADMIN) if role == ADMIN else self.direct(role, PASSWORD)
        done = self.server.run("psql", address, "-Xq", "-v", "ON_ERROR_STOP=1", *options, "-c", text, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pooler(self, mode: str, role: str, password: str) -> PgBouncer:
        """A pooler that logs in as that role, whatever its clients call themselves."""
        return PgBouncer(self.server, mode, user=role, password=password).start()


def create(version: int) -> Project:
    """A project on a server of its own, which the caller destroys: `postgres` is a superuser on all others."""
    server = Server(version)
    server.create()
    server.start()
    server.psql(USER, "create role passing superuser login")
    as_passing = server.url(user="passing")
    server.run("psql", as_passing, "-Xqc", f"alter role {USER} rename to {ADMIN}")
    project = Project(server)
    project.sql((FOLDER / "platform.sql").read_text(), role=ADMIN)
    project.sql(f"alter role {USER} password '{PASSWORD}'; drop role passing; select pg_reload_conf()", role=ADMIN)
    (server.data / "pg_hba.conf").write_text(ACCESS)
    project.sql("select pg_reload_conf()", role=ADMIN)
    project.sql((FOLDER / "school.sql").read_text())
    return project
