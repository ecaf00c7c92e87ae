"""A real Prometheus, scraping what the tests start."""

import json
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.postgres import free_port, wait_until
from tests.support.project import ROOT

PROGRAM = shutil.which("prometheus")
PROMTOOL = shutil.which("promtool")
RULES = ROOT / "deploy" / "prometheus"


HURRIED = {
    r"^ +for: .*\n": "",
    r"\[(4m|5m|30m|2h)\]": "[3s]",
    r"\[10m\]": "[4s]",
    r"\[(1h|6h|1d|3d)\]": "[8s]",
    r"\[15m\]": "[12s]",
    "> 3600": "> 1",
    "> 10000": "> 500",
}
"""What becomes of an alert that need not wait: it fires as soon as its expression holds, its windows are of seconds, a
second is long for a transaction, and few changes are many."""


class Prometheus:
    """Scrapes each target every second, with the rules that are shipped. `hurried`: four times a second, with HURRIED
    rules."""

    def __init__(self, *targets: str, hurried: bool = False) -> None:
        assert PROGRAM is not None
        self._folder = Path(tempfile.mkdtemp(prefix="listener-prometheus-"))
        self._port = free_port()
        pause = "250ms" if hurried else "1s"
        for file in ("recording.yml", "alerts.yml"):
            rules = (RULES / file).read_text(encoding="utf-8")
            for found, put in HURRIED.items() if hurried else ():
                rules = re.sub(found, put, rules, flags=re.MULTILINE)
            (self._folder / file).write_text(rules)
        self.scrape(*targets)
        discovery = {"files": [str(self._folder / "targets.json")]}
        config = {
            "global": {"scrape_interval": pause, "evaluation_interval": pause, "scrape_timeout": pause},
            "rule_files": [str(self._folder / "recording.yml"), str(self._folder / "alerts.yml")],
            "scrape_configs": [{"job_name": "listener", "file_sd_configs": [discovery]}],
        }
        (self._folder / "prometheus.yml").write_text(json.dumps(config))
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    PROGRAM,
                    f"--config.file={self._folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                ],
                stdout=log,
                stderr=log,
            )

    def scrape(self, *targets: str) -> None:
        """From now on these and no others: what service discovery finds."""
        found = self._folder / "found.json"
        found.write_text(json.dumps([{"targets": list(targets)}] if targets else []))
        found.replace(self._folder / "targets.json")

    def ask(self, path: str, **parameters: str) -> Any:
        """The `data` of an answer of its API. Raises OSError."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/api/v1/{path}?{query}", timeout=10) as answer:
            return json.load(answer)["data"]

    def wait_scraped(self) -> None:
        """Wait until every target was scraped."""

        def scraped() -> bool:
            try:
                targets = self.ask("targets")["activeTargets"]
            except OSError:
                return False
            return bool(targets) and all(target["health"] == "up" for target in targets)

        wait_until(scraped, f"Prometheus has scraped every target:\n{(self._folder / 'log').read_text()}")

    def values(self, expression: str) -> list[float]:
        """What an expression is now, of each of its series. Raises AssertionError if it is not one."""
        try:
            result = self.ask("query", query=expression)["result"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{expression}: {error.read().decode()}") from error
        return [float(series["value"][1]) for series in result]

    def firing(self, job: str = "listener") -> set[str]:
        """Names of the alerts that fire."""
        alerts = self.ask("alerts")["alerts"]
        return {
            each["labels"]["alertname"]
            for each in alerts
            if each["state"] == "firing" and each["labels"].get("job", job) == job
        }

    def clean_up(self) -> None:
        """Stop it, and remove what it stored."""
        self._process.terminate()
        self._process.wait(20)
        shutil.rmtree(self._folder, ignore_errors=True)
