"""The status page in a real browser: what a person reads, in each state the daemon can be in."""

import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Database, install_script
from tests.support import browser, lms
from tests.support.postgres import Server, wait_until
from tests.support.process import DaemonProcess
from tests.support.project import ROOT

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="chromium is not installed (Debian: chromium)")

PICTURE = ROOT / "docs" / "images" / "status-page.png"


@pytest.fixture
def own_server(postgres_version: int) -> Iterator[Server]:
    """A server that the test may stop, with the LMS installed in `lms`."""
    server = Server(postgres_version)
    server.create()
    server.start()
    server.psql("postgres", "create database lms")
    server.psql("lms", lms.schema())
    server.psql("lms", install_script(server.url("lms")))
    yield server
    server.destroy()


def read(daemon: DaemonProcess, user: str = "") -> dict[str, str]:
    """The text of everything on the page that has an id, and what the console complained of."""
    page, complaints = browser.dom(f"http://{user}127.0.0.1:{daemon.port}/")
    assert complaints == ""
    body = page.partition("<script>")[0]
    texts = {
        name: re.sub(r"<[^>]+>", "", text)
        for _, name, text in re.findall(r'<(small|b|h1|p) id="([\w-]+)"[^>]*>(.*?)</\1>', body, re.DOTALL)
    }
    texts["rows"] = str(len(re.findall(r'<td title="', body)) // 3)
    texts["bars"] = str(body.count("<rect"))
    texts["shown"] = " ".join(
        name for name, rest in re.findall(r'<(?:p|table) id="([\w-]+)"([^>]*)>', body) if " hidden" not in rest
    )
    texts["mood"] = re.findall(r'id="head" class="(\w+)"', body)[0]
    return texts


def test_what_a_person_reads_idle_busy_waiting_standing_by_and_cut_off(
    own_server: Server, start_daemon: Callable[..., DaemonProcess], tmp_path: Path
) -> None:
    database = Database(own_server, "lms")
    daemon = start_daemon(database, sample_seconds=0.2, heartbeat_seconds=1).wait_ready("leading")
    standby = start_daemon(database).wait_ready("standing_by")
    wait_until(lambda: daemon.metric("listener_standbys") == 1, "the standby is seen")

    idle = read(daemon)
    assert (idle["headline"], idle["mood"]) == ("Leading", "good")
    assert (idle["backlog"], idle["pending"], idle["typical-note"]) == ("0", "0", "no sign-up seen yet")
    assert (idle["daemons"], idle["daemons-note"]) == ("2", "this one leads, 1 standby")
    assert (idle["scale"], idle["rows"], idle["bars"]) == ("no sign-ups in this time", "0", "0")

    waiting = read(standby)
    assert (waiting["headline"], waiting["mood"]) == ("Standing by", "idle")

    own_server.psql("lms", "insert into courses (title, price) values ('a', 1)")
    for _ in range(5):
        own_server.psql("lms", "insert into profiles (role) select 'student' from generate_series(1, 7)")
    wait_until(lambda: daemon.metric("listener_enrollments_created_total") == 35, "all are enrolled")
    busy = read(daemon)
    assert busy["headline"] == "Leading"
    assert busy["rate"] == "35 enrollments in the last minute"
    assert int(busy["rows"]) == 0
    assert "hidden" in busy["shown"].split()
    assert "latest" not in busy["shown"].split()
    assert int(busy["bars"]) >= 2
    assert re.fullmatch(r"[\d.]+ m?s", busy["typical"])

    own_server.psql("lms", "update courses set status = 'draft'")
    own_server.psql("lms", "insert into profiles (role) values ('student')")
    wait_until(lambda: daemon.metric('listener_pending_students{reason="no_course"}') == 1, "one waits")
    pending = read(daemon)
    assert (pending["headline"], pending["mood"]) == ("Leading; 1 student waits", "warning")
    assert (pending["pending"], pending["pending-note"]) == ("1", "1 no course")

    own_server.stop("immediate")
    wait_until(lambda: '"disconnected"' in daemon.get("/state.json")[1], "the daemon knows")
    gone = read(daemon)
    assert (gone["headline"], gone["mood"]) == ("No connection to the database", "bad")
    assert "waits in the feed" in gone["detail"]
    assert gone["pending"] == "1"
    assert re.search(r"as of .* ago|as of now", gone["backlog-note"])
    for width, dark in ((1000, False), (390, True)):
        picture = tmp_path / f"{width}.png"
        browser.screenshot(f"http://127.0.0.1:{daemon.port}/", picture, width=width, dark=dark)
        assert size(picture)[0] == width


def test_the_password_lets_one_read_who_was_enrolled(
    own_server: Server, start_daemon: Callable[..., DaemonProcess]
) -> None:
    asked = {"http_user": "me", "http_password": "made-up"}
    daemon = start_daemon(Database(own_server, "lms"), **asked).wait_ready("leading")
    nobody = read(daemon, "me:made-up@")
    assert (nobody["headline"], nobody["rows"]) == ("Leading", "0")
    assert "nobody" in nobody["shown"].split()
    own_server.psql("lms", "insert into courses (title, price) values ('a', 1)")
    own_server.psql("lms", "insert into profiles (role) select 'student' from generate_series(1, 13)")
    wait_until(
        lambda: "students_enrolled" in daemon.text() or daemon.text().count("student_enrolled") >= 13, "enrolled"
    )
    somebody = read(daemon, "me:made-up@")
    assert somebody["rows"] == "12"
    assert not {"nobody", "hidden"} & set(somebody["shown"].split())


def size(picture: Path) -> tuple[int, int]:
    """Width and height of a PNG."""
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])
    return int(width), int(height)


def test_the_picture_in_the_readme_is_small() -> None:
    assert PICTURE.stat().st_size < 150_000
