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


class Prometheus:
    """Scrapes each target every second, with the rules that are shipped. `hurried`: four times a second, an alert fires
    as soon as its expression holds, windows of an hour are of seconds, and a second is long for a transaction."""

    def __init__(self, *targets: str, hurried: bool = False) -> None:
        assert PROGRAM is not None
        self._folder = Path(tempfile.mkdtemp(prefix="listener-prometheus-"))
        self._port = free_port()
        pause = "250ms" if hurried else "1s"
        rules = (RULES / "alerts.yml").read_text(encoding="utf-8")
        at_once = re.sub(r"^ +for: .*\n", "", rules, flags=re.MULTILINE)
        at_once = at_once.replace("[1h]", "[6s]").replace("> 3600", "> 1")
        (self._folder / "alerts.yml").write_text(at_once if hurried else rules)
        config = {
            "global": {"scrape_interval": pause, "evaluation_interval": pause, "scrape_timeout": pause},
            "rule_files": [str(RULES / "recording.yml"), str(self._folder / "alerts.yml")],
            "scrape_configs": [{"job_name": "listener", "static_configs": [{"targets": list(targets)}]}],
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
