"""The metrics of many schools as one answer: each series has the label `school`.

Histograms are long: of many schools they are one each, of all together. A school's part is rendered in one go, and
reactions have the thread between two of them.
"""

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator

import anyio.lowlevel
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from listener.fleet.school import School
from listener.http.exposition import OPENMETRICS
from listener.instruments.metrics import OF_PROCESS

MOST_WITH_HISTOGRAMS = 20
"""Schools; where there are more, histograms are of all together."""

SECONDS = 1.0
SHARE = 20
"""An answer is good for so many times as long as it took."""

FAMILY = re.compile(r"^# HELP (\S+) .*\n# TYPE .*\n", re.MULTILINE)
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? ", re.MULTILINE)

Encode = Callable[[Collector], bytes]


class Some(Collector):
    """Metrics that are there already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


class FleetExposition:
    def __init__(self, process: CollectorRegistry, schools: Callable[[], Collection[School]]) -> None:
        self._process = process
        self._schools = schools
        self._rendered: dict[str, tuple[float, bytes]] = {}
        self._rendering = anyio.Lock()

    async def as_accepted(self, accept: str) -> tuple[bytes, str]:
        """The text that an Accept header asks for, and its type."""
        encode, content_type = choose_encoder(f"{OPENMETRICS};version=1.0.0" if OPENMETRICS in accept else "")
        async with self._rendering:
            good_until, text = self._rendered.get(content_type, (float("-inf"), b""))
            if time.monotonic() >= good_until:
                started = time.monotonic()
                text = await self._render(encode)
                ended = time.monotonic()
                self._rendered[content_type] = (max(started + SECONDS, ended + SHARE * (ended - started)), text)
        return text, content_type

    async def _render(self, encode: Encode) -> bytes:
        schools = sorted(self._schools(), key=lambda school: school.name)
        each_has_histograms = len(schools) <= MOST_WITH_HISTOGRAMS
        families: dict[str, list[str]] = {}
        sums: dict[str, Metric] = {}
        _add(families, encode(self._process).decode())
        for school in schools:
            metrics = [each for each in school.instruments.metrics.registry.collect() if each.name not in OF_PROCESS]
            if not each_has_histograms:
                for each in metrics:
                    if each.type == "histogram":
                        _sum_up(sums, each)
                metrics = [each for each in metrics if each.type != "histogram"]
            _add(families, encode(Some(metrics)).decode(), school.name)
            await anyio.lowlevel.checkpoint()
        _add(families, encode(Some(sums.values())).decode())
        ending = "# EOF\n" if "# EOF" in encode(Some(())).decode() else ""
        return ("".join(line for family in families.values() for line in family) + ending).encode()


def _add(families: dict[str, list[str]], text: str, school: str | None = None) -> None:
    """Each family's samples stand below its one head."""
    for name, head, samples in _parts(text.removesuffix("# EOF\n")):
        family = families.setdefault(name, [head])
        family.append(samples if school is None else SAMPLE.sub(_label(school), samples))


def _parts(text: str) -> Iterator[tuple[str, str, str]]:
    """Name, head, and samples of each family."""
    heads = list(FAMILY.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    for head, end in zip(heads, ends, strict=False):
        yield head[1], head[0], text[head.end() : end]


def _label(school: str) -> Callable[[re.Match[str]], str]:
    def label(sample: re.Match[str]) -> str:
        others = f"{sample[2]}," if sample[2] else ""
        return f'{sample[1]}{{{others}school="{school}"}} '

    return label


def _sum_up(sums: dict[str, Metric], metric: Metric) -> None:
    known = sums.get(metric.name)
    if known is None:
        sums[metric.name] = metric
        return
    values = {(each.name, *sorted(each.labels.items())): each for each in known.samples}
    for each in metric.samples:
        key = (each.name, *sorted(each.labels.items()))
        before = values.get(key)
        values[key] = each if before is None else each._replace(value=before.value + each.value)
    known.samples = list(values.values())
