"""Writes a scrape: prometheus_client's text, with the many series of streams put in as they stand ready.

    encoder = encoder_for(accept_header)
    encoder.content_type, encoder.encode(metrics.registry)

Two things differ from ``generate_latest(registry)``. The series of `StreamGauge` are not made into samples first: a
scrape of a thousand streams takes a tenth of the time. And the ``_created`` series are left out: nobody asks for them,
and each counter would have two series (prometheus_client can do so for a whole process only).
Imported with the HTTP side only (prometheus_client).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from stream.sinks.metrics_streams import StreamSeries

_END = b"# EOF\n"


@dataclasses.dataclass(frozen=True, slots=True)
class Encoder:
    """Writes one of the text formats."""

    content_type: str
    text_of: Callable[[Collector], bytes]

    def encode(self, registry: Collector) -> bytes:
        """Return the text of all that the registry collects."""
        parts: list[bytes] = []
        end = b""
        for family in registry.collect():
            lines = ""
            if isinstance(family.samples, StreamSeries):
                lines = family.samples.text()
                family.samples = []  # the library writes what stands above them
            else:
                family.samples = [one for one in family.samples if not one.name.endswith("_created")]
            text = self.text_of(_One(family))
            if text.endswith(_END):
                text, end = text.removesuffix(_END), _END
            parts += [text, lines.encode()]
        return b"".join([*parts, end])


def encoder_for(accept: str) -> Encoder:
    """Return the writer of the format that an ``Accept`` header asks for: Prometheus's own text or OpenMetrics."""
    text_of, content_type = choose_encoder(accept)
    return Encoder(content_type, text_of)


class _One(Collector):
    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return [self._family]
