"""Files of schools: they come, change and go while the process runs, and a wrong one is told by name."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.support import prometheus, runbook
from tests.support.fleet import NOWHERE, SIGN_UP, FleetProcess, wait_exact, write
from tests.support.postgres import wait_until
from tests.support.process import environment

ALERT = "ListenerSchoolWrong"


def test_files_that_come_change_and_go_are_taken_up(
    folder: Path, make_school: Callable[[], Database], start_fleet: Callable[..., FleetProcess]
) -> None:
    first, second = make_school(), make_school()
    fleet = start_fleet()
    wait_until(lambda: fleet.get("/readyz")[0] == 200, "a fleet of none is ready")
    file = write(folder, "north", first)
    fleet.wait_for_role("north", "leading")
    first.server.psql(first.name, SIGN_UP)
    wait_exact(first, 1)

    write(folder, "north", second)  # the school has moved
    fleet.told_of("school_changed", "north")
    fleet.wait_for_role("north", "leading")
    second.server.psql(second.name, SIGN_UP)
    wait_exact(second, 1)
    leads = f"select count(*) from pg_stat_activity where datname = '{first.name}' and application_name = 'listener'"
    assert first.server.psql("postgres", leads).strip() == "0"

    file.unlink()
    fleet.told_of("school_removed", "north")
    fleet.wait_for_role("north", None)
    gone = leads.replace(first.name, second.name)
    wait_until(lambda: second.server.psql("postgres", gone).strip() == "0", "nobody leads there")
    assert "north" not in fleet.get("/metrics")[1]


def test_a_file_that_is_touched_alone_changes_nothing(
    folder: Path, make_school: Callable[[], Database], start_fleet: Callable[..., FleetProcess]
) -> None:
    school, later = make_school(), make_school()
    file = write(folder, "north", school)
    fleet = start_fleet().wait_for_role("north", "leading")
    file.write_text(file.read_text() + "# a remark\n")
    write(folder, "south", later)
    fleet.wait_for_role("south", "leading")
    assert fleet.lines("school_changed", "north") == []
    assert len(fleet.lines("leader_acquired", "north")) == 1


WRONG = {
    "LISTENER_DATABASE_URL=mysql://x/y\n": "postgresql://",
    "LISTENER_DATABASE_URL=postgresql://h/d\nLISTENER_HARTBEAT_SECONDS=1\n": "did you mean LISTENER_HEARTBEAT_SECONDS",
    "LISTENER_DATABASE_URL=postgresql://h/d\nLISTENER_HTTP_PORT=1\n": "is the process's",
    "LISTENER_DATABASE_URL=postgresql://h/d\nPGHOST=other\n": "the whole process's",
    "LISTENER_DATABASE_URL=\n": "is missing",
    "LISTENER_DATABASE_URL_FILE=nowhere\n": "No such file",
    "LISTENER_DATABASE_URL='postgresql://h\n": "line 1 is no NAME=value",
    "LISTENER_DATABASE_URL=postgresql://h/d\nLISTENER_BATCH_SIZE=many\n": "LISTENER_BATCH_SIZE",
}


def test_a_wrong_file_is_told_by_name_and_stops_no_other(
    folder: Path, make_school: Callable[[], Database], start_fleet: Callable[..., FleetProcess]
) -> None:
    school = make_school()
    write(folder, "north", school)
    for number, text in enumerate(WRONG):
        (folder / f"wrong{number}.env").write_text(text)
    (folder / "a name.env").write_text("")
    (folder / "loop.env").symlink_to("loop.env")
    fleet = start_fleet().wait_for_role("north", "leading")
    for number, told in enumerate(WRONG.values()):
        assert told in fleet.told_of("school_wrong", f"wrong{number}")["error"]
    assert "cannot be read" in fleet.told_of("school_wrong", "loop")["error"]
    assert "letters" in fleet.told_of("school_wrong", "a name")["error"]
    fleet.shows('listener_fleet_schools{state="wrong"}', len(WRONG) + 2)
    assert [each["name"] for each in fleet.listed()][-1] == "north"

    (folder / "north.env").write_text("LISTENER_DATABASE_URL=\n")  # it ran: it goes on
    assert "is missing" in fleet.told_of("school_wrong", "north")["error"]
    school.server.psql(school.name, SIGN_UP)
    wait_exact(school, 1)
    assert fleet.role_of("north") == "leading"

    mended = make_school()
    write(folder, "wrong0", mended)
    fleet.wait_for_role("wrong0", "leading")
    assert len(fleet.lines("school_wrong", "wrong5")) == 1  # it is looked at each second


@pytest.mark.skipif(prometheus.PROGRAM is None, reason="prometheus is not installed (Debian: prometheus)")
def test_a_wrong_file_fires_an_alert_until_it_is_mended_as_the_runbook_says(
    folder: Path, start_fleet: Callable[..., FleetProcess]
) -> None:
    write(folder, "south", NOWHERE)
    wrong = folder / "north.env"
    wrong.write_text("LISTENER_DATABASE_URL=\n")
    fleet = start_fleet()
    scraper = prometheus.Prometheus(f"127.0.0.1:{fleet.port}", hurried=True)
    try:
        scraper.wait_scraped()
        wait_until(lambda: ALERT in scraper.firing(), "it fires")
        runbook.says(ALERT, "`listener fleet diagnose` says it too")
        runbook.says(ALERT, "Mend the file")
        write(folder, "north", NOWHERE)
        wait_until(lambda: ALERT not in scraper.firing(), "it ends")
        fleet.shows('listener_fleet_schools{state="wrong"}', 0)
    finally:
        scraper.clean_up()


def test_a_secret_may_stand_in_a_file_beside_it(
    folder: Path, make_school: Callable[[], Database], start_fleet: Callable[..., FleetProcess]
) -> None:
    school = make_school()
    (folder / "north.env").write_text("LISTENER_DATABASE_URL_FILE=north.url\n")
    fleet = start_fleet()
    assert "north.url" not in fleet.told_of("school_wrong", "north")["error"]
    (folder / "north.url").write_text(f"{school.url}\n")
    fleet.wait_for_role("north", "leading")


def test_a_folder_that_cannot_be_read_stops_nobody(
    folder: Path, make_school: Callable[[], Database], start_fleet: Callable[..., FleetProcess], tmp_path: Path
) -> None:
    school = make_school()
    write(folder, "north", school)
    fleet = start_fleet().wait_for_role("north", "leading")
    folder.rename(tmp_path / "away")
    fleet.told("fleet_unreadable")
    school.server.psql(school.name, SIGN_UP)
    wait_exact(school, 1)
    shutil.move(tmp_path / "away", folder)
    fleet.told("fleet_readable")
    assert fleet.lines("school_removed", "north") == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"fleet": "/nowhere"}, "LISTENER_FLEET: /nowhere cannot be read as a folder: No such file"),
        ({"database_url": "postgresql://h/d"}, "LISTENER_DATABASE_URL: is a school's"),
    ],
)
def test_a_process_that_cannot_serve_says_why(folder: Path, settings: dict[str, str], told: str) -> None:
    surroundings = environment("", **{"fleet": folder, "http_port": 0, "log_format": "console"} | settings)
    if "database_url" not in settings:
        del surroundings["LISTENER_DATABASE_URL"]
    done = subprocess.run(
        [sys.executable, "-m", "listener", "run"],
        env=surroundings,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert told in done.stderr
