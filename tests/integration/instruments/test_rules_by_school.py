"""Each alert is one school's: beside a school that is well it fires for the one that is not, and the other is quiet."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.instruments.test_prometheus import needs_promtool, promtool
from tests.support.prometheus import RULES

FIRING = 'ALERTS{alertstate="firing"}'
OF_PROCESS = ("up{", "listener_fleet_schools{")
ALERTS_OF_PROCESS = ("ListenerDown", "ListenerGone", "ListenerSchoolWrong", "ListenerNoLeader")
"""The last one, too, where no daemon of a job is scraped."""
MINUTES = {"m": 1, "h": 60, "d": 1440}
TESTS = yaml.safe_load((RULES / "rules_test.yml").read_text())


def of_school(series: dict[str, str], school: str) -> dict[str, str]:
    if series["series"].startswith(OF_PROCESS):
        return series
    return series | {"series": series["series"].replace("{", f'{{school="{school}",', 1)}


def minutes(test: dict[str, Any]) -> int:
    """How long a test goes on."""
    times = re.findall(r"'eval_time': '(.*?)'", str(test))
    return max(sum(int(number) * MINUTES[unit] for number, unit in re.findall(r"(\d+)([mhd])", each)) for each in times)


def by_school(test: dict[str, Any], quiet: list[dict[str, str]]) -> dict[str, Any]:
    """The same test of a school, with another one beside it."""
    length = f"x{minutes(test) + 5}"
    beside = [of_school(each | {"values": re.sub(r"x\d+$", length, each["values"])}, "south") for each in quiet]
    named = "|".join(ALERTS_OF_PROCESS)
    others = [f'{FIRING[:-1]}, school="south"}}', f'{FIRING[:-1]}, school="", alertname!~"{named}"}}']
    expected = []
    for each in test.get("promql_expr_test", ()):
        if FIRING in each["expr"]:
            expected.append(each | {"expr": each["expr"].replace(FIRING, f'{FIRING[:-1]}, school!="south"}}')})
            none = {"eval_time": each["eval_time"], "exp_samples": []}
            expected += [{"expr": f"count by (alertname) ({alerts})"} | none for alerts in others]
    return {
        "name": test["name"],
        "interval": test["interval"],
        "input_series": [*(of_school(each, "north") for each in test["input_series"]), *beside],
        "promql_expr_test": expected,
    }


def shortest() -> dict[str, dict[str, Any]]:
    """Of each alert the shortest test."""
    chosen = {}
    for each in sorted(TESTS["tests"], key=minutes, reverse=True):
        if "school=" not in str(each["input_series"]) and "alertname=" in str(each.get("promql_expr_test")):
            chosen[each["name"].partition(":")[0]] = each
    return chosen


GROUPS = 4


@needs_promtool
@pytest.mark.quarter
@pytest.mark.parametrize("group", range(GROUPS))
def test_each_alert_fires_for_its_school_alone(group: int, tmp_path: Path) -> None:
    quiet = [each for each in TESTS["tests"][0]["input_series"] if not each["series"].startswith(OF_PROCESS)]
    chosen = list(shortest().values())
    assert len(chosen) > 20
    made = [by_school(each, quiet) for each in chosen[group::GROUPS]]
    for name in ("recording.yml", "alerts.yml"):
        shutil.copy(RULES / name, tmp_path)
    file = tmp_path / "by_school.yml"
    file.write_text(yaml.safe_dump({**TESTS, "tests": made}, sort_keys=False))
    promtool("test", "rules", str(file))
