"""Makes what counts and measures out of the definitions in the metric table.

    instruments = Instruments(DEFINITIONS, registry)
    instruments.counters["windows"].labels("ok").inc()
    instruments.histograms["inference_duration_seconds"].observe(0.004)
    instruments.streams["mood_probability"].set(0.61, "mic", "happy")

Imported with the HTTP side only (prometheus_client).
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from stream.sinks.metric_table import Definition
from stream.sinks.metrics_streams import StreamGauge


class Instruments:
    """One instrument a definition, by its name in the table and sorted by type; all are in one registry."""

    def __init__(self, definitions: Iterable[Definition], registry: CollectorRegistry) -> None:
        """Create them.

        Raises:
            ValueError: the registry has one of these names already.
        """
        self.counters: dict[str, Counter] = {}
        self.gauges: dict[str, Gauge] = {}
        self.histograms: dict[str, Histogram] = {}
        self.infos: dict[str, Info] = {}
        self.streams: dict[str, StreamGauge] = {}
        """The gauges with a series a stream."""
        for one in definitions:
            name, text, labels = f"moodstream_{one.name}", one.help, one.labels
            match one.type:
                case "counter":
                    self.counters[one.name] = Counter(name, text, labels, registry=registry)
                case "gauge" if labels[:1] == ("stream",):
                    self.streams[one.name] = StreamGauge(name, text, labels)
                    registry.register(self.streams[one.name])
                case "gauge":
                    self.gauges[one.name] = Gauge(name, text, labels, registry=registry)
                case "histogram":
                    self.histograms[one.name] = Histogram(name, text, labels, registry=registry, buckets=one.buckets)
                case "info":
                    self.infos[one.name] = Info(name, text, registry=registry)
