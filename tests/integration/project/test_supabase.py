"""`docs/how-to/supabase.md`, done as it says, on what imitates a project there: by each way to connect."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path

import anyio
import asyncpg
import pytest

from listener.settings import Settings, check_names
from tests.conftest import Database
from tests.integration.project.test_docs import blocks, plain
from tests.support import supabase
from tests.support.certificates import by_authority, needs_openssl, signed
from tests.support.pgbouncer import PROGRAM, PgBouncer
from tests.support.postgres import USER, ordinary_user, wait_until
from tests.support.process import DaemonProcess, environment, listener
from tests.support.project import ROOT

PAGE = (ROOT / "docs" / "how-to" / "supabase.md").read_text(encoding="utf-8")
ADDRESS = re.compile(
    r"postgresql://(?P<role>\w+)\.(?P<reference>\w+):\[[A-Z-]+\]@aws-[\w.-]+:5432/postgres"
    r"\?sslmode=verify-full&sslrootcert=[\w.-]+"
)
"""As the dashboard shows it for the session pooler, which is the page's example, with Supabase's certificate."""
PASSWORDS = {USER: supabase.PASSWORD, "enrollment_daemon": "a long one that you made up"}
SQL_EDITOR_TAKES_BYTES = 980_000

needs_pgbouncer = pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")


class Way(StrEnum):
    """The dashboard's connection strings, by what PgBouncer calls them."""

    DIRECT = "direct"
    SESSION_POOLER = "session"
    TRANSACTION_POOLER = "transaction"


@dataclass
class Person:
    """Does what the page says, with addresses of one kind."""

    project: supabase.Project
    way: Way
    folder: Path
    exported: list[str] = field(default_factory=list)
    """The lines of the terminal's that set an address."""
    poolers: dict[str, PgBouncer] = field(default_factory=dict)

    def address(self, role: str) -> str:
        """A role's address. (The pooler logs in to the server by itself, as Supabase's does.)"""
        if self.way is Way.DIRECT:
            return self.project.direct(role, PASSWORDS[role])
        if role not in self.poolers:
            self.poolers[role] = self.project.pooler(self.way, role, PASSWORDS[role])
        return f"postgresql://{role}.{supabase.REFERENCE}:any@127.0.0.1:{self.poolers[role].port}/postgres"

    def in_sql_editor(self, text: str) -> None:
        """Run it as `postgres`, in one piece, which is how the dashboard sends it."""
        assert len(text.encode()) < SQL_EDITOR_TAKES_BYTES

        async def send() -> None:
            connection = await asyncpg.connect(self.project.direct(USER, PASSWORDS[USER]))
            try:
                await connection.execute(text)
            finally:
                await connection.close()

        anyio.run(send)

    def in_terminal(self, text: str) -> str:
        """Run it in the shell that has run what was before; what it printed."""
        commands = ADDRESS.sub(lambda found: self.address(found["role"]), text)
        assert ".supabase.co" not in commands
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join([*self.exported, commands])],
            env=environment("") | {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "COLUMNS": "200"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
        self.exported += [line for line in commands.splitlines() if line.startswith("export ")]
        return done.stdout

    def is_told(self, command: str, key: str, problems: list[str]) -> bool:
        """Whether the command tells of just these under `key`; it ends with 1 if there are any."""
        told = json.loads(self.in_terminal(f"{command} --json || test $? = {int(bool(problems))}"))
        return [each["code"] for each in told[key]] == problems

    def sees(self, text: str, answer: str) -> bool:
        """Whether the SQL editor shows just that."""
        shown = self.project.psql(text, "-P", "footer=off")
        return plain(shown) == plain(answer)


@pytest.fixture
def project(postgres_version: int) -> Iterator[supabase.Project]:
    made = supabase.create(postgres_version)
    yield made
    made.server.destroy()


@pytest.fixture
def person(request: pytest.FixtureRequest, project: supabase.Project, tmp_path: Path) -> Iterator[Person]:
    person = Person(project, request.param, tmp_path)
    yield person
    for pooler in person.poolers.values():
        pooler.stop()


@needs_pgbouncer
@pytest.mark.parametrize(
    "person",
    [pytest.param(way, id=way.value, marks=[] if way is Way.TRANSACTION_POOLER else [pytest.mark.long]) for way in Way],
    indirect=True,
)
def test_every_step_works_by_each_of_the_dashboard_s_connection_strings(person: Person) -> None:
    daemons = list[DaemonProcess]()
    polls = person.way is Way.TRANSACTION_POOLER
    try:
        for language, text, answer in blocks(PAGE):
            if language == "sql" and answer:
                wait_until(partial(person.sees, text, answer), f"{text} answers {answer}")
            elif language == "sql":
                person.in_sql_editor(text)
            elif text.endswith("listener run"):
                url = person.in_terminal(text.replace("listener run", "echo $LISTENER_DATABASE_URL")).strip()
                daemons.append(DaemonProcess(url, {"heartbeat_seconds": 0.5}, cold=False).wait_ready("leading"))
                person.project.sql("insert into auth.users (email) values ('three@example.com')")
            elif text.endswith("> listener.sql"):
                person.in_terminal(text)
                person.in_sql_editor((person.folder / "listener.sql").read_text())
            elif text.startswith("listener install --grant-to"):
                said = person.in_terminal(text)
                assert "already installed: nothing to do" in said
                assert "enrollment_daemon may run the daemon" in said
            elif text == "listener status":
                is_told = partial(person.is_told, text, "problems", ["polling"] * polls)
                wait_until(is_told, "status tells of polling, and of nothing else")
            elif text.endswith("\nlistener diagnose"):
                person.in_terminal(text.removesuffix("listener diagnose"))
                assert person.is_told("listener diagnose", "findings", ["polling"] * polls)
            else:
                person.in_terminal(text)
        (daemon,) = daemons
        assert daemon.metric("listener_polling") == polls
        assert len(daemon.events("polling")) == polls
        assert person.project.sql("select total_enrollments from courses where is_published") == "3\n"
        assert daemon.stop() == 0
    finally:
        for daemon in daemons:
            daemon.clean_up()


@needs_pgbouncer
@pytest.mark.parametrize("person", [Way.DIRECT], indirect=True)
def test_nobody_of_the_api_s_is_let_in_where_default_privileges_would_let_them(person: Person) -> None:
    listener(person.address(USER), "install")
    look = "select has_schema_privilege('{0}', 'listener', 'usage')"
    for role in ("anon", "authenticated", "service_role"):
        assert person.project.sql(look.format(role)) == "f\n"
    for role in ("anon", "authenticated"):
        for what in ("select from profile_enrollment_sync_status", "select get_enrollment_statistics()"):
            with pytest.raises(AssertionError, match="permission denied"):
                person.project.sql(f"set role {role}; {what}")


def test_a_password_that_was_not_put_in_is_told_in_one_line() -> None:
    found = ADDRESS.search(PAGE)
    assert found is not None
    done = listener(found[0], "install", "--plan", check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "%5B" in done.stderr


@needs_pgbouncer
@needs_openssl
def test_with_the_dashboard_s_certificate_in_the_address_only_whom_it_vouches_for_is_talked_to(
    make_database: Callable[..., Database],
) -> None:
    database, folder = make_database(installed=False), Path(tempfile.mkdtemp())
    signed(folder, "ca")
    signed(folder, "another")
    signed(folder, "pooler", *by_authority(folder, "127.0.0.1"))
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, ordinary_user() or os.getuid())
    files = (f"client_tls_{kind}_file = {folder}/pooler.{end}" for kind, end in (("key", "key"), ("cert", "crt")))
    tls = "\n".join(["client_tls_sslmode = allow", *files])
    pooler = PgBouncer(database.server, Way.SESSION_POOLER, further=tls).start()
    try:
        address = f"{pooler.url(database.name)}?sslmode=verify-full&sslrootcert={folder}"
        assert "changed nothing" in listener(f"{address}/ca.crt", "install", "--plan").stdout
        refused = listener(f"{address}/another.crt", "install", "--plan", check=False)
        assert refused.returncode == 2
        assert "certificate verify failed: " in refused.stderr
        assert "; sslrootcert must name the authority that vouches for this server" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
    finally:
        pooler.stop()
        shutil.rmtree(folder)


def test_what_the_hosts_are_told_of_the_daemon_is_so(
    database: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    (fly,) = (tomllib.loads(text) for text in re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    (railway,) = (json.loads(text) for text in re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    port = Settings.model_fields["http_port"].default
    assert [fly["checks"]["alive"]["port"], fly["metrics"]["port"]] == [port, port]
    assert f"`PORT={port}`" in PAGE
    check_names(re.findall(r"\bLISTENER_[A-Z_]+", PAGE))
    daemon = start_daemon(database, http_host="::").wait_ready()
    for path in (fly["checks"]["alive"]["path"], fly["metrics"]["path"], railway["deploy"]["healthcheckPath"]):
        assert daemon.get(path)[0] == 200
    assert fly["kill_timeout"] > Settings.model_fields["shutdown_seconds"].default
