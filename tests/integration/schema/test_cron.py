"""`listener.step()`, run by a real pg_cron."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import install_script
from tests.support import lms
from tests.support.postgres import SYSTEM, Server, wait_until
from tests.support.project import ROOT

PAGE = ROOT / "docs" / "how-to" / "no-process.md"
VERSION = 15
CONTROL = Path(f"/usr/share/postgresql/{VERSION}/extension/pg_cron.control")


@pytest.fixture
def cron() -> Iterator[Server]:
    """A server whose pg_cron looks after its jobs in `postgres`."""
    if not CONTROL.exists() or not (SYSTEM / str(VERSION)).is_dir():
        pytest.skip(f"pg_cron for Postgres {VERSION} is not installed: apt-get install postgresql-{VERSION}-cron")
    settings = {"shared_preload_libraries": "pg_cron", "cron.use_background_workers": "on"}
    server = Server(VERSION, settings=settings)
    server.create()
    server.start()
    yield server
    server.destroy()


def test_what_the_how_to_schedules_enrolls_and_counts(cron: Server) -> None:
    granted, scheduled, ended = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    cron.psql("postgres", "create database lms")
    cron.psql("lms", lms.schema())
    cron.psql("lms", install_script(cron.url("lms")))
    cron.psql("lms", "insert into courses (title, price) values ('course', 0)")
    cron.psql("lms", "insert into profiles (role) select 'student' from generate_series(1, 10)")
    cron.psql("postgres", "create extension pg_cron; create role owner")
    cron.psql("postgres", granted)
    cron.psql("postgres", scheduled)
    assert cron.psql("postgres", f"set role owner; {scheduled}") == "2\n", "the owner may, too"
    cron.psql("postgres", "select cron.unschedule(2)")
    wait_until(
        lambda: cron.psql("lms", "select count(*) from enrollments") == "10\n",
        f"pg_cron has run a step; {cron.log()}",
        seconds=100,
    )
    assert cron.psql("postgres", "select distinct status from cron.job_run_details where end_time is not null") in (
        "succeeded\n",
        "",  # it has committed, and pg_cron has not written that down yet
    )
    cron.psql("postgres", ended)
    assert cron.psql("postgres", "select count(*) from cron.job") == "0\n"
    cron.psql("lms", "select * from listener.step()")
    assert cron.psql("lms", "select enrollments from courses") == "10\n"
