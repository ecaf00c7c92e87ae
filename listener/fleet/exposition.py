"""The metrics of many schools as one answer: each series has the label `school`.

Histograms are long: of many schools they are one each, of all together. A school's part is rendered in one go, and
reactions have the thread between two of them.
"""

import time
from collections.abc import Callable, Collection, Iterable

import anyio.lowlevel
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from listener.fleet.school import School
from listener.http.exposition import OPENMETRICS
from listener.instruments.metrics import OF_PROCESS

MOST_WITH_HISTOGRAMS = 20
"""Schools; where there are more, histograms are of all together."""

SECONDS = 1.0
SHARE = 20
"""An answer is good for so many times as long as it took."""

EOF = "# EOF\n"

Encode = Callable[[Collector], bytes]


class Some(Collector):
    """Metrics that are there already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


class Families:
    """Lines of samples, below the head of their family, which the library writes. To have it write the lines as well
    would take half as long again."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._lines: dict[str, list[str]] = {}
        self._labels: dict[tuple[tuple[str, str], ...], str] = {}

    def add(self, metric: Metric, school: str | None = None) -> None:
        lines = self._lines.get(metric.name)
        if lines is None:
            bare = Metric(metric.name, metric.documentation, metric.type)
            lines = self._lines[metric.name] = [self._encode(Some([bare])).decode().removesuffix(EOF)]
        own = () if school is None else (f'school="{school}"',)
        for sample in metric.samples:
            labels = ",".join((*self._labels_of(sample.labels), *own))
            text = f"{{{labels}}}" if labels else ""
            value: str = floatToGoString(sample.value)  # type: ignore[no-untyped-call]
            lines.append(f"{sample.name}{text} {value}\n")

    def _labels_of(self, labels: dict[str, str]) -> tuple[str, ...]:
        if not labels:
            return ()
        key = tuple(labels.items())
        if key not in self._labels:
            self._labels[key] = ",".join(f'{name}="{_escaped(value)}"' for name, value in key)
        return (self._labels[key],)

    def text(self) -> bytes:
        ending = EOF if self._encode(Some(())).decode() == EOF else ""
        return ("".join(line for lines in self._lines.values() for line in lines) + ending).encode()


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
        families, sums = Families(encode), dict[str, Metric]()
        for metric in self._process.collect():
            families.add(metric)
        for school in schools:
            for metric in school.instruments.metrics.registry.collect():
                if metric.name in OF_PROCESS:
                    continue
                if metric.type == "histogram" and not each_has_histograms:
                    _sum_up(sums, metric)
                else:
                    families.add(metric, school.name)
            await anyio.lowlevel.checkpoint()
        for metric in sums.values():
            families.add(metric)
        return families.text()


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


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
