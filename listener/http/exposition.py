"""The answer of `/metrics`: rendered at most once a second."""

import time

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

SECONDS = 1.0
OPENMETRICS = "application/openmetrics-text"


class Exposition:
    """The metrics in two formats."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._rendered: dict[str, tuple[float, bytes]] = {}

    def as_accepted(self, accept: str) -> tuple[bytes, str]:
        """The text for an Accept header, and the content type. Only two texts exist: no client can have the metrics
        rendered more often. (All names are plain, so escaping makes no difference.)"""
        encode, content_type = choose_encoder(f"{OPENMETRICS};version=1.0.0" if OPENMETRICS in accept else "")
        now = time.monotonic()
        at, text = self._rendered.get(content_type, (now - SECONDS, b""))
        if now - at >= SECONDS:
            text = encode(self._registry)
            self._rendered[content_type] = (now, text)
        return text, content_type
