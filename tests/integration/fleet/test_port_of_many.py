"""A fleet's port: all schools, the troubled first; each one's own paths; metrics by school."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from listener.fleet import exposition
from listener.instruments.instruments import Instruments
from listener.instruments.metrics import FleetMetrics
from listener.logs import configure
from tests.conftest import Database
from tests.support import browser
from tests.support.fleet import NOWHERE, FleetProcess, write
from tests.support.postgres import wait_until

ROWS = "return [...document.querySelectorAll('#schools tr td:first-child')].map(each => each.textContent).join(' ')"


def test_the_troubled_come_first_and_each_has_its_own_page(
    folder: Path, make_school: Callable[[], Database], start_fleet: Callable[..., FleetProcess]
) -> None:
    write(folder, "a", make_school())
    write(folder, "z", NOWHERE)
    (folder / "y.env").write_text("LISTENER_DATABASE_URL=\n")
    fleet = start_fleet().wait_for_role("a", "leading")
    wait_until(lambda: fleet.get("/readyz")[0] == 200, "each has been tried")
    assert set(fleet.school("", "").keys()) == set()
    listed = fleet.listed()
    assert [each["name"] for each in listed] == ["y", "z", "a"]
    assert listed[1]["text"] == "No connection to the database"
    assert fleet.school("z")["status"] == "unavailable"
    assert fleet.school("a", "state.json")["role"] == "leading"
    for path, status in {"a/": 200, "a/livez": 200, "a/metrics": 200, "z/readyz": 503, "y/": 404, "a/no": 404}.items():
        assert fleet.get(f"/schools/{path}")[0] == status, path
    assert "Standing by" not in fleet.get("/schools/a/")[1]
    page = fleet.get("/")[1]
    assert "3 schools, 2 in trouble" in page
    ready = fleet.get("/readyz")[1]
    assert "LISTENER_DATABASE_URL cannot be used" in ready
    assert "127.0.0.1" not in ready


@pytest.mark.skipif(browser.CHROMIUM is None, reason="chromium is not installed (Debian: chromium)")
def test_a_person_sees_the_troubled_first_and_finds_a_school_by_name(
    folder: Path, make_school: Callable[[], Database], start_fleet: Callable[..., FleetProcess]
) -> None:
    write(folder, "Academy", make_school())
    for name in ("north", "south"):
        write(folder, name, NOWHERE)
    fleet = start_fleet().wait_for_role("Academy", "leading")
    with browser.opened(f"http://127.0.0.1:{fleet.port}/") as page:
        page.wait_for(ROWS, "north south Academy")
        page.type("find", "CAD")
        page.wait_for(ROWS, "Academy")
        page.type("find", "x")
        page.wait_for(ROWS, "")
        page.wait_for("return document.getElementById('more').textContent", "No school has such a name.")


def test_where_a_password_is_asked_for_names_are_behind_it(
    folder: Path, start_fleet: Callable[..., FleetProcess]
) -> None:
    write(folder, "secret-academy", NOWHERE)
    fleet = start_fleet(http_user="prometheus", http_password="long and made up")
    wait_until(lambda: fleet.get("/readyz")[0] == 200, "each has been tried")
    for path in ("/readyz", "/livez", "/", "/metrics", "/state.json", "/schools/secret-academy/readyz"):
        status, text = fleet.get(path)
        assert status == (200 if path in ("/readyz", "/livez") else 401)
        assert "academy" not in text


class Known:
    """A school, as far as its metrics go."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.instruments = Instruments.of_daemon(1.0, configure("error", "json"))
        self.instruments.metrics.learned(["welcome"] if name == "s1" else [])
        self.instruments.metrics.reaction_seconds.observe_all([0.004, 0.5])


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text"])
@pytest.mark.parametrize("count", [2, exposition.MOST_WITH_HISTOGRAMS + 1])
async def test_metrics_of_many_are_one_well_formed_answer(count: int, accept: str) -> None:
    schools = [Known(f"s{number}") for number in range(count)]
    process = FleetMetrics(["leading"], lambda _state: count)
    rendered = exposition.FleetExposition(process.registry, lambda: schools)  # type: ignore[arg-type, return-value]
    text = (await rendered.as_accepted(accept))[0].decode()
    parse = parse_openmetrics if accept else parse_text
    families = {family.name: family for family in parse(text)}
    assert len(re.findall(r"^# TYPE", text, re.MULTILINE)) == len(families)
    leaders = families["listener_leader"].samples
    assert [each.labels for each in leaders] == [
        {"school": each.name} for each in sorted(schools, key=lambda s: s.name)
    ]
    assert {"code", "school"} == families["listener_problem"].samples[0].labels.keys()
    assert families["listener_build_info"].samples[0].labels.keys() == {"version"}
    counts = [each for each in families["listener_reaction_seconds"].samples if each.name.endswith("_count")]
    expected = [({"school": each.name}, 2.0) for each in schools] if count == 2 else [({}, 2.0 * count)]
    assert [(each.labels, each.value) for each in counts] == expected
