"""A real Prometheus: the metrics' form, the alerts, the dashboard under load."""

import json
import math
import re
import subprocess
from collections.abc import Callable, Iterator

import anyio
import asyncpg
import pytest

from tests.conftest import Database
from tests.support.postgres import wait_until
from tests.support.process import DaemonProcess
from tests.support.project import ROOT
from tests.support.prometheus import PROGRAM, PROMTOOL, RULES, Prometheus

DASHBOARD = ROOT / "deploy" / "grafana" / "listener.json"

needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")
needs_prometheus = pytest.mark.skipif(PROGRAM is None, reason="prometheus is not installed (Debian: prometheus)")


def promtool(*arguments: str, stdin: str = "") -> str:
    """What promtool prints; fails if it is not content."""
    done = subprocess.run(
        [str(PROMTOOL), *arguments], input=stdin, capture_output=True, text=True, check=False, cwd=RULES, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_promtool
@pytest.mark.timeout(300)  # it computes for 16 s, which took 101 s beside much other work
def test_the_rules_are_well_formed_and_every_alert_fires_when_it_should_and_only_then() -> None:
    promtool("check", "rules", "recording.yml", "alerts.yml")
    promtool("check", "config", "--syntax-only", "prometheus.yml")
    promtool("test", "rules", "rules_test.yml")


def alerts() -> list[str]:
    """Names of all alerts."""
    return re.findall(r"- alert: (\w+)", (RULES / "alerts.yml").read_text())


def test_every_alert_is_tested_and_has_a_severity_a_summary_and_a_section_in_the_runbook() -> None:
    rules = (RULES / "alerts.yml").read_text()
    tests = (RULES / "rules_test.yml").read_text()
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8"), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert len(alerts()) >= 10
    for alert, text in zip(alerts(), rules.split("- alert: ")[1:], strict=True):
        assert f'alertname="{alert}"' in tests, f"{alert} is not seen firing in rules_test.yml"
        assert re.search(r"severity: (critical|warning)\n", text), alert
        assert "summary: " in text, alert
        link = re.search(
            r'runbook_url: "{{ with \$externalLabels\.listener_runbook }}.*docs/runbook\.md.*#(\S+)"', text
        )
        assert link is not None, alert
        assert link[1] in anchors, f"{alert}: docs/runbook.md has no section {link[1]}"


def expressions() -> list[str]:
    """Every expression of the dashboard, with its variables filled in for a short test."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    targets = [target["expr"] for panel in panels for target in panel["targets"]]
    return [each.replace("$__rate_interval", "10s").replace("$job", ".+").replace("$school", ".*") for each in targets]


def test_the_dashboard_and_the_rules_name_only_metrics_that_exist() -> None:
    from listener.instruments.metrics import FleetMetrics, Metrics

    registries = (Metrics().registry, FleetMetrics(("wrong",), lambda _state: 0).registry)
    exported = {sample.name for each in registries for family in each.collect() for sample in family.samples}
    rules = (RULES / "alerts.yml").read_text() + (RULES / "recording.yml").read_text()
    recorded = set(re.findall(r"record: (\S+)", rules))
    assert len(expressions()) > 40
    used = re.findall(r"(?<![\w:])(?:listener_|job:listener_)[\w:]+", "\n".join([*expressions(), rules]))
    assert set(used) <= exported | recorded | {"listener_runbook"}, "which is an external label"
    unseen = {name.removesuffix("_bucket") for name in exported if not name.endswith(("_count", "_sum"))}
    unseen -= {name.removesuffix("_bucket") for name in used}
    # Told of in docs/metrics.md alone: a label to join with, totals beside failures, times of another host's clock, and
    # lines that were dropped, which the log tells of itself.
    assert unseen == {
        "listener_build_info",
        "listener_connection_attempts_total",
        "listener_last_audit_timestamp_seconds",
        "listener_last_heartbeat_timestamp_seconds",
        "listener_last_reaction_timestamp_seconds",
        "listener_log_lines_dropped_total",
        "listener_samples_total",
    }


@pytest.fixture
def prometheus() -> Iterator[Callable[..., Prometheus]]:
    """Starts Prometheus: `prometheus("127.0.0.1:9432")`."""
    started: list[Prometheus] = []

    def start(*targets: str) -> Prometheus:
        started.append(Prometheus(*targets))
        return started[-1]

    yield start
    for each in started:
        each.clean_up()


@needs_promtool
@needs_prometheus
async def test_under_load_every_query_of_the_dashboard_returns_data_and_no_alert_fires(
    database: Database, start_daemon: Callable[..., DaemonProcess], prometheus: Callable[..., Prometheus]
) -> None:
    daemon = start_daemon(database, heartbeat_seconds=0.5, sample_seconds=0.5).wait_ready("leading")
    standby = start_daemon(database).wait_ready("standing_by")
    assert promtool("check", "metrics", stdin=daemon.get("/metrics")[1]) == ""
    scraper = prometheus(f"127.0.0.1:{daemon.port}", f"127.0.0.1:{standby.port}")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sign_ups, database.url)
        await anyio.to_thread.run_sync(scraper.wait_scraped)
        empty = expressions()
        with anyio.move_on_after(45):
            while empty:
                await anyio.sleep(0.5)
                empty = [
                    each
                    for each in empty
                    if not any(map(math.isfinite, await anyio.to_thread.run_sync(scraper.values, each)))
                ]
        assert not empty
        groups = scraper.ask("rules")["groups"]
        tasks.cancel_scope.cancel()
    rules = [rule for group in groups for rule in group["rules"]]
    assert [rule for rule in rules if rule["health"] != "ok"] == []
    assert [rule["name"] for rule in rules if rule.get("state") == "firing"] == []
    assert scraper.values("max(listener_leader) == 1") == [1]
    assert scraper.values("sum(listener_connected)") == [2]
    assert scraper.values('sum(listener_changes_total{table="profiles", operation="insert"})')[0] > 0


async def sign_ups(url: str) -> None:
    """Students sign up until cancelled."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("insert into courses (title, price) values ('a', 1)")
        while True:
            await connection.execute("insert into profiles (role) values ('student')")
            await anyio.sleep(0.01)
    finally:
        connection.terminate()


@needs_prometheus
def test_openmetrics_is_what_a_prometheus_gets(
    database: Database, start_daemon: Callable[..., DaemonProcess], prometheus: Callable[..., Prometheus]
) -> None:
    daemon = start_daemon(database).wait_ready("leading")
    scraper = prometheus(f"127.0.0.1:{daemon.port}")
    scraper.wait_scraped()
    wait_until(lambda: scraper.values("scrape_samples_scraped") != [], "a scrape was counted")
    assert scraper.values("scrape_samples_scraped")[0] < 500
    assert scraper.values('count({__name__=~"listener_.*_created"})') == []
