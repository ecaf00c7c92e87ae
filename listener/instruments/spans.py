"""Spans for OpenTelemetry: one for each batch, each look that found nothing, and each audit. Numbers, and no ids.

Its own variables, OTEL_…, are its settings: nothing of it is imported unless one of them names a collector.
"""

import os
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from listener.build import VERSION
from listener.logs import Event, Logger

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

COLLECTORS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

FIGURES = (
    *("changes", "enrolled", "returned", "suspended", "removed", "held", "pending", "moved", "parked"),
    *("students", "missing", "drifted"),
)

CLOSE_SECONDS = 2.0
"""For so long a daemon that ends waits for a collector to take its last spans."""


class Spans:
    def __init__(self, provider: "TracerProvider | None" = None, **about: str) -> None:
        """Without a provider: none are made. `about` is in each."""
        self._provider = provider
        self._tracer = None if provider is None else provider.get_tracer("listener", VERSION)
        self._about = about

    def of(self, **about: str) -> "Spans":
        """The same, with more about each."""
        return Spans(self._provider, **self._about, **about)

    def record(
        self, name: str, seconds: float, figures: Mapping[str, Any], *, error: str | None = None, **about: str
    ) -> None:
        """A span that ends now. Of `figures`, the numbers in FIGURES are told."""
        if self._tracer is None:
            return
        numbers = {key: figures[key] for key in FIGURES if type(figures.get(key)) is int}
        told = {f"listener.{key}": value for key, value in {**self._about, **about, **numbers}.items()}
        ended = time.time_ns()
        span = self._tracer.start_span(name, attributes=told, start_time=ended - int(seconds * 1e9))
        if error is not None:
            from opentelemetry.trace import StatusCode

            span.set_status(StatusCode.ERROR, error)
        span.end(ended)

    def close(self) -> None:
        """Send what is left, for a short while."""
        if self._provider is not None:
            closing = threading.Thread(target=self._provider.shutdown, daemon=True)
            closing.start()
            closing.join(CLOSE_SECONDS)


def of_environment(log: Logger) -> Spans:
    """To the collector that the environment names, if it names one."""
    if not any(os.environ.get(name) for name in COLLECTORS) or os.environ.get("OTEL_TRACES_EXPORTER") == "none":
        return Spans()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning(Event.NO_SPANS, mend="pip install 'enrollment-listener[otel]'")
        return Spans()
    ours = {"service.name": "enrollment-listener", "service.version": VERSION}
    resource = Resource.create({**ours, **OTELResourceDetector().detect().attributes})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Spans(provider)
