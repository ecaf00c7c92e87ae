"""Tables that were given to another owner: every command says the way out, and it leads out."""

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Database
from tests.support import lms
from tests.support.process import listener

OWNERS = ("new_owner_before", "new_owner_after")


@pytest.fixture
def given_away(make_database: Callable[..., Database]) -> Iterator[tuple[Database, str, str]]:
    """An LMS that was installed on for one owner, and belongs to another now; the addresses of both."""
    database = make_database(empty=True)
    before, after = OWNERS
    database.server.psql(
        "postgres",
        "".join(f"drop role if exists {each}; create role {each} login;" for each in OWNERS)
        + f"grant create on database {database.name} to {before}, {after}",
    )
    database.server.psql(
        database.name, f"grant create on schema public to {before}, {after}; set role {before}; {lms.schema()}"
    )
    addresses = [database.server.url(database.name, user=each) for each in OWNERS]
    listener(addresses[0], "install", check=True)
    for table in ("profiles", "courses", "enrollments"):
        database.server.psql(database.name, f"alter table {table} owner to {after}")
    yield database, addresses[0], addresses[1]
    listener(database.url, "uninstall", check=False)
    database.server.psql(database.name, f"drop owned by {before}, {after}")
    database.server.psql("postgres", f"drop owned by {before}, {after}; drop role {before}, {after}")


def test_every_command_says_the_way_out_and_it_leads_out(given_away: tuple[Database, str, str]) -> None:
    database, before, after = given_away
    way_out = "run `listener uninstall` as new_owner_before or as a superuser"
    assert way_out in listener(before, "diagnose", check=False).stdout
    for address in (before, database.url):
        assert way_out in listener(address, "install", check=False).stderr
    assert way_out in listener(database.url, "install", "--owner", "new_owner_after", check=False).stderr
    for command in ("install", "status", "diagnose", "sync", "uninstall"):
        done = listener(after, command, check=False)
        assert done.returncode == 2, command
        assert "schema listener belongs to new_owner_before" in done.stderr, command
        assert way_out in done.stderr, command
    listener(before, "uninstall", check=True)
    listener(after, "install", check=True)
    assert listener(after, "diagnose", check=False).returncode == 0
