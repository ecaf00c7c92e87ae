"""A database URL in a file may change, or be away for a moment, while the daemon runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess

CUT = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where datname = current_database() and pid <> pg_backend_pid()"
)


@pytest.mark.parametrize("meanwhile", [None, "not an address"])
def test_a_url_file_that_is_away_or_wrong_for_a_moment_is_an_outage(
    database: Database, start_daemon: Callable[..., DaemonProcess], tmp_path: Path, meanwhile: str | None
) -> None:
    file = tmp_path / "url"
    file.write_text(database.url)
    daemon = start_daemon(database, database_url_file=file).wait_ready("leading")
    if meanwhile is None:
        file.unlink()
    else:
        file.write_text(meanwhile)
    database.server.psql(database.name, CUT)
    wait_until(lambda: "DATABASE_URL" in daemon.get("/readyz")[1], "/readyz names the setting")
    file.write_text(database.url)
    daemon.wait_ready("leading")
    wait_until(lambda: len(daemon.events("connected")) == 2, "the outage is over, and said to be")
    assert len(daemon.events("connection_lost")) == 1


def test_an_audit_that_cannot_read_the_url_fails_and_the_leader_works_on(
    database: Database, start_daemon: Callable[..., DaemonProcess], tmp_path: Path
) -> None:
    file = tmp_path / "url"
    file.write_text(database.url)
    daemon = start_daemon(database, database_url_file=file, audit_seconds=0.2).wait_ready("leading")
    file.unlink()
    assert "DATABASE_URL_FILE" in daemon.told("audit_failed")
    assert daemon.role == "leading"
    file.write_text(database.url)
    audits = daemon.metric("listener_last_audit_timestamp_seconds")
    wait_until(lambda: daemon.metric("listener_last_audit_timestamp_seconds") > audits, "it audits again")
    assert daemon.events("connection_lost") == []
