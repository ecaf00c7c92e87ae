"""What a daemon with nothing to do costs: statements and memory."""

import re
import time

from benchmarks import school
from benchmarks.figures import Goal, Measured, single
from benchmarks.machine import resident_mib
from benchmarks.measure import running_server, wait_for
from benchmarks.variants import SIGN_UP
from listener.settings import Settings
from tests.support.postgres import Server

LOGGED = {"log_line_prefix": "%d %a: "}
MINUTE = 60.0
STATEMENT = re.compile(rf"^{school.INSTALLED.name} (\S+): LOG:  (?:statement|execute [^:]*): ", re.MULTILINE)
HOLDS_BELL = """
select exists (
    select from pg_locks
    where locktype = 'advisory' and objid = 2 and mode = 'ExclusiveLock' and granted
)
"""


def statements(server: Server) -> dict[str, int]:
    """Statements that the server has logged so far, by who sent them."""
    counted: dict[str, int] = {}
    for name in STATEMENT.findall(server.log()):
        counted[name] = counted.get(name, 0) + 1
    return counted


def run(*, quick: bool) -> Measured:
    """Statements in an idle minute, audits included in proportion, and resident memory after it."""
    faster = 10 if quick else 1
    database = school.INSTALLED.name
    usual = {name: field.default for name, field in Settings.model_fields.items()}
    timers = {name: usual[name] / faster for name in ("heartbeat_seconds", "sample_seconds")}
    with running_server(**LOGGED) as server:
        school.INSTALLED.create(server)
        server.psql("postgres", f"alter database {database} set log_statement = 'all'")
        with school.daemon(server.url(database), **timers) as process:
            server.psql(database, SIGN_UP)
            school.wait_idle(server, database)
            wait_for(lambda: process.metric("listener_last_audit_timestamp_seconds") > 0, "the first audit is done", 60)
            wait_for(lambda: server.psql(database, HOLDS_BELL).strip() == "t", "the daemon sleeps", 60)
            before = statements(server)
            time.sleep(MINUTE / faster)
            after = statements(server)
            memory = resident_mib(process.process.pid)
            problems = [*school.daemon_problems(process, "ours"), *school.problems(server, database, "ours")]
    of_leader = after["listener"] - before["listener"]
    of_audit = before.get("listener-audit", 0) * MINUTE / usual["audit_seconds"]
    if after.get("listener-audit", 0) != before.get("listener-audit", 0):
        problems.append("an audit came in between")
    audited, every = before.get("listener-audit", 0), usual["audit_seconds"]
    note = f"{of_leader} of the leader's, and {of_audit:g} a minute of the audit's ({audited} every {every:g} s)."
    return Measured(
        (
            single("statements", "statements in an idle minute", [of_leader + of_audit], "", Goal(at_most=20)),
            single("memory", "resident memory, idle", [memory], "MiB", Goal(at_most=60)),
        ),
        {"leader": of_leader, "audit": before.get("listener-audit", 0), "audit_a_minute": of_audit},
        tuple(problems),
        (note,),
    )
