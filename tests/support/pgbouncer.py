"""Real PgBouncer, where it is installed."""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.postgres import USER, Server, free_port, ordinary_user, wait_until

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin")

CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server_port} user={user} {password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {pool_size}
logfile = {folder}/log
admin_users = admin
{further}
"""


@dataclass
class PgBouncer:
    """One pooler in front of one server."""

    server: Server
    mode: str
    pool_size: int = 20
    user: str = USER
    """Whom it logs in as, whatever a client calls itself."""
    password: str = ""
    further: str = ""
    """Lines of its configuration."""
    port: int = field(default_factory=free_port)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="listener-pgbouncer-")))

    def start(self) -> "PgBouncer":
        """Start, and wait until it answers."""
        assert PROGRAM is not None
        file = self.folder / "pgbouncer.ini"
        values = {"mode": self.mode, "pool_size": self.pool_size, "user": self.user, "further": self.further}
        values["password"] = f"password='{self.password}'" if self.password else ""
        file.write_text(
            CONFIGURATION.format(server_port=self.server.port, port=self.port, folder=self.folder, **values)
        )
        user = ordinary_user()
        if user is not None:
            shutil.chown(self.folder, user)
        self.process = subprocess.Popen(
            [PROGRAM, "-q", str(file)], user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self._answers, f"PgBouncer answers; {self.log()}")
        return self

    def log(self) -> str:
        """What it has logged."""
        log = self.folder / "log"
        return log.read_text() if log.exists() else "no log"

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log()
        ready = self.server.run("psql", self.url("postgres"), "-Xqc", "select 1", check=False)
        return ready.returncode == 0

    def url(self, database: str) -> str:
        """The address of a database through the pooler."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        """Stop, and remove its folder."""
        self.process.kill()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
